import type { components } from '../generated/openapi.ts';

type Schemas = components['schemas'];

/** A user as others see them. */
export type UserProfile = Schemas['UserProfile'];
/** A member of a conversation with the role. */
export type Member = Schemas['Member'];
/** One device's session. */
export type DeviceSession = Schemas['DeviceSession'];
/** An invitation into a group. */
export type InvitationRow = Schemas['Invitation'];
/** A conversation with its first members. */
export type Conversation = Schemas['Conversation'];
/** One row of the list as REST gives it. */
export type ConversationListItem = Schemas['ConversationListItem'];
/** What the person is writing in a conversation. */
export type Draft = Schemas['Draft'];
/** That there is a draft, without its text. */
export type DraftVersion = Schemas['DraftVersion'];
/** What is shown first, or what changed. */
export type SyncAnswer = Schemas['SyncAnswer'];
/** Who was added and who was invited. */
export type AddedMembers = Schemas['AddedMembers'];
/** A page of members. */
export type MemberList = Schemas['MemberList'];
/** A page of history. */
export type MessagePage = Schemas['MessagePage'];
/** A message as REST gives it. */
export type RestMessage = Schemas['Message'];
/** What a message said over time. */
export type RevisionList = Schemas['RevisionList'];
/** What the others of a conversation have read, as REST gives it. */
export type ConversationReceipts = Schemas['ConversationReceipts'];
/** Who has a message, who has read it, and when. */
export type MessageReceipts = Schemas['MessageReceipts'];
/** When something reached somebody, and on what kind of device. */
export type ReceiptStep = Schemas['ReceiptStep'];
/** A message to be sent later, as REST gives it. */
export type RestScheduled = Schemas['ScheduledMessage'];
/** A page of messages that were found. */
export type SearchPage = Schemas['SearchPage'];
/** A message that was found, and where in its text, as `slice` takes it. */
export type SearchHit = Schemas['SearchHit'];
/** A page of those who have read a message. */
export type ReaderList = Schemas['ReaderList'];
/** What is pinned in a conversation. */
export type PinList = Schemas['PinList'];
/** A page of those who react to a message. */
export type ReactionList = Schemas['ReactionList'];
/** A thread's root, and a page of replies. */
export type ThreadPage = Schemas['ThreadPage'];
/** A page of the threads that the person follows. */
export type ThreadList = Schemas['ThreadList'];
/** An acknowledgement. */
export type MessageAck = Schemas['MessageAck'];
/** A session's tokens. */
export type TokenResponse = Schemas['TokenResponse'];
/** A refusal. */
export type Problem = Schemas['Problem'];
