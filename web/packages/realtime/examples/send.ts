// Sends one message to a person and waits until it is in the log: node send.ts HANDLE PASSWORD TO TEXT
import { RealtimeClient } from '@relayhub/realtime';

const [handle = '', password = '', to = '', text = 'hello'] = process.argv.slice(2);
const client = await RealtimeClient.open({
  apiBase: process.env['RELAY_API'] ?? 'http://127.0.0.1:7090',
  gateways: [process.env['RELAY_GATEWAY'] ?? 'ws://127.0.0.1:7080'],
});
await client.logIn({ handle, password, deviceName: 'send.ts' });
const { user_id } = await client.api.findUser(to);
const { conversation_id } = await client.api.openDirect(user_id);
const { seq } = await client.send(conversation_id, text).acknowledged;
console.log(`in the log at ${seq}`);
await client.logOut();
await client.close();
