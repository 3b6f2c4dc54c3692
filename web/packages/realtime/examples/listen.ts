// Prints what happens, until Ctrl+C: node listen.ts HANDLE PASSWORD
// (RELAY_API and RELAY_GATEWAY say where the server is.)
import { isKnownEvent, isText, RealtimeClient } from '@relayhub/realtime';

const [handle = '', password = ''] = process.argv.slice(2);
const client = await RealtimeClient.open({
  apiBase: process.env['RELAY_API'] ?? 'http://127.0.0.1:7090',
  gateways: [process.env['RELAY_GATEWAY'] ?? 'ws://127.0.0.1:7080'],
});
client.connection.subscribe(() => {
  const { state, reason } = client.connection.get();
  console.error(reason === null ? state : `${state} (${reason})`);
});
client.onEvent((event) => {
  if (!isKnownEvent(event)) console.log('something newer:', event.type);
  else if (event.type === 'MESSAGE_SENT') console.log(event.actor_id, isText(event.body) ? event.body.text : `[${event.body.type}]`);
  else console.log(event.type);
});
process.on('SIGINT', () => void client.close());
await client.logIn({ handle, password, deviceName: 'listen.ts' });
