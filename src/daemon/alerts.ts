import type { NotificationKind } from '../config/load.ts';
import type { Instant } from '../core/words.ts';
import type { DaemonEvent } from './daemon-events.ts';
import { type Change, type IncidentId, Incidents, idOf } from './incidents.ts';
import type { LastSeen } from './last-seen.ts';
import { Loads } from './loads.ts';
import type { Message } from './messages.ts';

/** Somebody who is told. */
export interface Channel {
  readonly on: ReadonlySet<NotificationKind>;
  /** Must not wait, and must not throw. */
  send(message: Message): void;
}

/** More than these at once are one digest. */
const SINGLY = 3;
/** Incidents that a digest writes out. */
const WRITTEN_OUT = 20;
/** Milliseconds between two messages of incidents to one channel: doubles while digests follow each other. */
const GAP = 60_000;
const LONGEST_GAP = 15 * 60_000;

/**
 * Decides what is told, when and to whom: each incident once, gathered from look to look, many at once as one digest.
 * Loads are told of as soon as their run is over.
 */
export class Alerts {
  readonly #incidents: Incidents;
  readonly #loads: Loads;
  #outboxes: readonly Outbox[] = [];

  constructor(lastSeen: LastSeen) {
    this.#incidents = new Incidents(lastSeen);
    this.#loads = new Loads(lastSeen);
  }

  /** Whom to tell from here on. What was gathered for the ones before is lost: `flush` it first. */
  tellTo(channels: readonly Channel[]): void {
    this.#outboxes = channels.map((channel) => new Outbox(channel));
  }

  tell(event: DaemonEvent): void {
    const changes = this.#incidents.tell(event);
    for (const outbox of this.#outboxes) outbox.put(changes);
    for (const load of this.#loads.tell(event)) {
      for (const { channel } of this.#outboxes) if (channel.on.has('loaded')) channel.send({ type: 'loaded', load });
    }
    if (event.type === 'look') for (const outbox of this.#outboxes) outbox.send(event.at);
    if (event.type === 'stopped') this.flush();
  }

  /** Sends what is gathered now, rather than at the next look. */
  flush(): void {
    for (const outbox of this.#outboxes) outbox.flush();
  }
}

/** What one channel has not been told yet. */
class Outbox {
  readonly channel: Channel;
  /** At most one for each incident. */
  readonly #pending = new Map<IncidentId, Change>();
  #notBefore: Instant = -Infinity;
  #gap = GAP;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  put(changes: readonly Change[]): void {
    const { on } = this.channel;
    for (const change of changes) {
      const { kind } = change.incident;
      const id = idOf(change.incident);
      // Whoever was not told that it began need not know that it is over, nor the other way round.
      if (this.#pending.has(id)) this.#pending.delete(id);
      else if (on.has(kind) && (change.type === 'began' || on.has('recovered'))) this.#pending.set(id, change);
    }
  }

  send(now: Instant): void {
    if (now < this.#notBefore) return;
    if (this.#pending.size === 0) {
      this.#gap = GAP;
      return;
    }
    const isDigest = this.#pending.size > SINGLY;
    this.flush();
    this.#notBefore = now + this.#gap;
    this.#gap = isDigest ? Math.min(this.#gap * 2, LONGEST_GAP) : GAP;
  }

  flush(): void {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    const messages = changes.length > SINGLY ? [changes] : changes.map((change) => [change]);
    for (const its of messages) {
      const at = Math.max(...its.map((change) => change.at));
      this.channel.send({ type: 'incidents', at, changes: its.slice(0, WRITTEN_OUT), count: its.length });
    }
  }
}
