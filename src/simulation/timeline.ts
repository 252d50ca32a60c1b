import { must } from '../base/assert';
import type { Feedback, Millis } from '../feedback/feedback';

/** Future events, the earliest first: a binary heap over the event time. */
function eventQueue() {
  const heap: Feedback[] = [];
  const timeAt = (index: number): number =>
    index < heap.length ? (heap[index] as Feedback).occurredAt : Infinity;
  const push = (event: Feedback): void => {
    let hole = heap.push(event) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (timeAt(parent) <= event.occurredAt) break;
      heap[hole] = heap[parent] as Feedback;
      hole = parent;
    }
    heap[hole] = event;
  };
  const pop = (): Feedback => {
    const first = must(heap[0], 'the event queue is empty');
    const last = heap.pop() as Feedback;
    if (heap.length === 0) return first;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      const child = timeAt(left + 1) < timeAt(left) ? left + 1 : left;
      if (timeAt(child) >= last.occurredAt) break;
      heap[hole] = heap[child] as Feedback;
      hole = child;
    }
    heap[hole] = last;
    return first;
  };
  return { push, pop, size: () => heap.length, earliest: () => timeAt(0) };
}

/** Most queued events; beyond it the earliest is emitted ahead of time, so that memory stays bounded. */
const MAX_QUEUED = 32_768;

/** The events of one message; none is before `begins`. */
export interface MessageHistory {
  readonly begins: Millis;
  readonly events: readonly Feedback[];
}

/** Merges the histories of many messages: events by event time. The histories are ordered by `begins`. */
export function* timeline(histories: Iterable<MessageHistory>): Generator<Feedback> {
  const queue = eventQueue();
  for (const history of histories) {
    while (queue.earliest() < history.begins || queue.size() > MAX_QUEUED) yield queue.pop();
    for (const event of history.events) queue.push(event);
  }
  while (queue.size() > 0) yield queue.pop();
}
