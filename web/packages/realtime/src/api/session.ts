import type { Open, SessionId, UserId } from './ids.ts';

/** Who is logged in on this device. */
export interface Session {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  readonly handle: string;
  readonly displayName: string;
}

/**
 * Why a session ended. `logged_out`: here, in some tab. `session_revoked`: on another device, or by the server.
 * `refresh_reused`: a copy of this device's token was used. `unauthenticated`: the server does not take the token any more.
 */
export type SessionEnd = Open<'logged_out' | 'session_revoked' | 'refresh_reused' | 'unauthenticated'>;

/** A session, or none and why. `reason` is null where there never was one. */
export type SessionState =
  | { readonly status: 'in'; readonly session: Session }
  | { readonly status: 'out'; readonly reason: SessionEnd | null };

/** For `signUp`. */
export interface SignUp {
  handle: string;
  displayName: string;
  password: string;
  deviceName: string;
  /** Such as `browser` or `phone`: others see it in the details of a message. */
  deviceKind?: string;
}

/** For `logIn`. */
export interface LogIn {
  handle: string;
  password: string;
  deviceName: string;
  /** Such as `browser` or `phone`: others see it in the details of a message. */
  deviceKind?: string;
}
