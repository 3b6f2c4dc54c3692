import { newHandle, PASSWORD } from './person.mjs';

/** Somebody without a browser: what others do while a person looks at the screen. */
export class Account {
  /** `device` is what their list of devices shows. */
  static async register(world, name, handle = newHandle(name), device = 'Firefox on Windows') {
    const account = new Account();
    Object.assign(account, { world, name, handle });
    const profile = await account.ask('POST', 'auth/register', { handle, display_name: name, password: PASSWORD });
    account.id = profile.user_id;
    const tokens = await account.ask('POST', 'auth/login', { handle, password: PASSWORD, device_name: device });
    account.token = tokens.access_token;
    return account;
  }

  async ask(method, path, body) {
    const headers = { 'content-type': 'application/json' };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const answer = await fetch(`${this.world.url}/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** The direct conversation with somebody who is willing. */
  async befriend(other) {
    const { conversation_id: id } = await this.ask('POST', 'conversations', { kind: 'direct', user_id: other.id });
    await other.ask('POST', `invitations/${id}/accept`);
    return id;
  }
}
