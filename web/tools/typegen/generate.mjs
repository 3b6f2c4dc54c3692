// Writes web/packages/realtime/src/generated/ from the two documents that the API serves.
//
// AsyncAPI is not what the generator reads, so its schemas and payloads are put into the shell of an OpenAPI document.
// With --check nothing is written: the exit code is 1 if the files are not what the documents say.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

const root = new URL('../../../', import.meta.url);
const target = new URL('web/packages/realtime/src/generated/', root);
const read = async (path) => JSON.parse(await readFile(new URL(path, root), 'utf8'));
const banner = (from) => `// Generated from ${from} by \`npm run generate\`. Do not edit.\n\n`;

/** The document without what is not for clients: what happens on the operator's own servers. */
function forClients(asyncapi) {
  const inside = asyncapi.channels.activity;
  const without = (of, gone) => Object.fromEntries(Object.entries(of).filter(([name, value]) => !gone(name, value)));
  return {
    ...asyncapi,
    operations: without(asyncapi.operations, (_, { channel }) => channel.$ref === '#/channels/activity'),
    components: { ...asyncapi.components, messages: without(asyncapi.components.messages, (name) => name in inside.messages) },
  };
}

/** Wraps AsyncAPI's schemas, one schema per message and a union per operation into an OpenAPI document. */
function shell(asyncapi) {
  const schemas = { ...asyncapi.components.schemas };
  for (const [name, message] of Object.entries(asyncapi.components.messages)) {
    schemas[`frame_${name}`] = message.payload;
  }
  for (const operation of Object.values(asyncapi.operations)) {
    const union = operation.action === 'receive' ? 'Command' : 'ServerFrame';
    schemas[union] = { oneOf: operation.messages.map(({ $ref }) => ({ $ref: `#/components/schemas/frame_${$ref.split('/').pop()}` })) };
  }
  return { openapi: '3.1.0', info: asyncapi.info, paths: {}, components: { schemas } };
}

/** An event's type and place are looked at before its other fields, and nothing depends on its version and id. */
const OF_EVENTS = ['chain', 'seq', 'prev', 'v', 'event_id'];

/**
 * What a frame has to have so that this version understands it, as one word per field: checked at run time, because a newer
 * server may say more than the types do.
 */
function shapes(asyncapi) {
  const { schemas, messages } = asyncapi.components;
  const resolve = (schema) => (schema?.$ref ? resolve(schemas[schema.$ref.split('/').pop()]) : schema);
  const word = (schema) => {
    const resolved = resolve(schema);
    const parts = resolved.oneOf ?? resolved.anyOf;
    const types = [resolved.type ?? []].flat();
    if (parts?.some((part) => part.type === 'null')) return `${word(parts.find((part) => part.type !== 'null'))}?`;
    // What is told apart by `type`, such as a message's content.
    if (parts) return parts.every((part) => resolve(part).properties?.type) ? 'tagged' : 'any';
    if (types.includes('null')) return `${word({ ...resolved, type: types.find((type) => type !== 'null') })}?`;
    if (types[0] === 'array') return word(resolved.items) === 'string' ? 'strings' : 'array';
    return { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', object: 'object' }[types[0]] ?? 'any';
  };
  const fields = (schema) => {
    const resolved = resolve(schema);
    const all = Object.assign({}, ...(resolved.allOf ?? []).map(fields));
    for (const [name, value] of Object.entries(resolved.properties ?? {})) {
      const said = word(value);
      all[name] = (resolved.required ?? []).includes(name) || said.endsWith('?') ? said : `${said}?`;
    }
    return all;
  };
  const sent = Object.values(asyncapi.operations).find(({ action }) => action === 'send');
  const rows = sent.messages.map(({ $ref }) => {
    const name = $ref.split('/').pop();
    const { type: _type, ...checked } = fields(messages[name].payload);
    const skipped = checked.chain === undefined ? [] : OF_EVENTS;
    const words = Object.entries(checked).filter(([field, said]) => !skipped.includes(field) && !said.startsWith('any'));
    return `  ${name}: { ${words.map(([field, said]) => `${field}: '${said}'`).join(', ')} },\n`;
  });
  return (
    `/** A field's check; \`?\` says that it may be absent or null. */\nexport type Check = string;\n\n` +
    `/** The frames of a server by their type, with their fields. */\n` +
    `export const shapes: Readonly<Record<string, Readonly<Record<string, Check>>>> = {\n${rows.join('')}};\n`
  );
}

/** What is more than a type: numbers, and where things are. */
function values(asyncapi, openapi) {
  const numbers = asyncapi['x-close-codes'].map(({ name, code }) => `  ${name}: ${code},\n`).join('');
  const { socket, events, commands } = asyncapi.channels;
  const { maxLength } = asyncapi.components.schemas.MessageText;
  const open = Object.entries(openapi.paths).filter(([, item]) => Object.values(item).every(({ security }) => security === undefined));
  const paths = open.map(([path]) => `  '${path}',\n`).join('');
  return (
    `/** Every registered close code by its name. */\nexport const closeCodes = {\n${numbers}} as const;\n\n` +
    `/** Where the socket is on a gateway. */\nexport const socketPath = '${socket.address}';\n\n` +
    `/** Where streams of events begin. */\nexport const eventsPath = '${events.address}';\n\n` +
    `/** Where commands are posted. */\nexport const commandsPath = '${commands.address}';\n\n` +
    `/** The bytes of UTF-8 that a message's text has at most. */\nexport const maxTextBytes = ${maxLength};\n\n` +
    `/** REST that needs no session. */\nexport const openPaths: readonly string[] = [\n${paths}];\n`
  );
}

const asyncapi = forClients(await read('docs/asyncapi.json'));
const openapi = await read('docs/openapi.json');
const types = async (document) => astToString(await openapiTS(document, { alphabetize: true }));
const files = {
  'openapi.ts': banner('docs/openapi.json') + (await types(openapi)),
  'asyncapi.ts': banner('docs/asyncapi.json') + (await types(shell(asyncapi))),
  'shapes.ts': banner('docs/asyncapi.json') + shapes(asyncapi),
  'values.ts': banner('docs/asyncapi.json and docs/openapi.json') + values(asyncapi, openapi),
};

let stale = 0;
await mkdir(target, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const path = new URL(name, target);
  const current = await readFile(path, 'utf8').catch(() => '');
  if (current === text) continue;
  stale += 1;
  if (process.argv.includes('--check')) console.error(`${name} is not what the documents say: run \`npm run generate\``);
  else await writeFile(path, text);
}
process.exitCode = process.argv.includes('--check') && stale > 0 ? 1 : 0;
