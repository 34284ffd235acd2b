import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type FollowLocksResponse, FollowLocksResponseSchema } from '../../../gen/es/latchkey/v1/lock_pb.js';
import { askSession, liveLocks } from './api.ts';
import { heardServerTime, msOf } from './clock.ts';

/** Locks as they come and go, and 'begun' where a list that is asked for now leaves nothing out. */
export type Follower = (news: FollowLocksResponse['news'] | { readonly case: 'begun' | 'broken' }) => void;

const name = 'latchkey-locks';
const retryMsMax = 15_000;

const followers = new Set<Follower>();
// Of a browser with ten tabs one holds the stream, and tells the others: HTTP/1.1 has six connections for all of them.
const channel = new BroadcastChannel(name);
let position = '';
let running: AbortController | undefined;

channel.onmessage = ({ data }: MessageEvent<string>) => take(fromJsonString(FollowLocksResponseSchema, data));

function take({ position: next, news }: FollowLocksResponse): void {
  position = next;
  if (news.case === 'heartbeat') heardServerTime(msOf(news.value.time) ?? 0);
  tell(news);
}

function tell(news: Parameters<Follower>[0]): void {
  for (const follower of followers) follower(news);
}

/** Hears of every lock as long as somebody looks at the page; what is returned ends it. */
export function follow(follower: Follower): () => void {
  followers.add(follower);
  update();
  document.addEventListener('visibilitychange', seen);
  return () => {
    followers.delete(follower);
    if (followers.size === 0) document.removeEventListener('visibilitychange', seen);
    update();
  };
}

/** Another tab may hold the stream, and this one has missed something while nobody saw it. */
function seen(): void {
  update();
  if (running !== undefined) tell({ case: 'begun' });
}

function update(): void {
  const isWanted = followers.size > 0 && document.visibilityState === 'visible';
  if (isWanted && running === undefined) {
    running = new AbortController();
    void hold(running.signal);
  } else if (!isWanted) {
    running?.abort();
    running = undefined;
  }
}

/** Web locks are for encrypted pages and one's own machine alone; elsewhere each tab has a stream. */
async function hold(signal: AbortSignal): Promise<void> {
  if (navigator.locks === undefined) return stream(signal);
  await navigator.locks.request(name, { signal }, () => stream(signal)).catch(() => undefined);
}

async function stream(signal: AbortSignal): Promise<void> {
  for (let waitMs = 500; !signal.aborted; waitMs = Math.min(waitMs * 2, retryMsMax)) {
    try {
      let isFirst = true;
      for await (const message of liveLocks.followLocks({ afterPosition: position }, { signal })) {
        waitMs = 500;
        take(message);
        if (isFirst) tell({ case: 'begun' });
        isFirst = false;
        channel.postMessage(toJsonString(FollowLocksResponseSchema, message));
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code } = ConnectError.from(error);
      // Of another database, or so old that it means nothing any more.
      if (code === Code.InvalidArgument) position = '';
      if (code === Code.PermissionDenied) return;
      await askSession(error);
      if (code !== Code.Unauthenticated) tell({ case: 'broken' });
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
