import { must } from '../base/assert';
import type { Feedback, Millis } from '../feedback/feedback';

/** Events that lie ahead, the earliest first: a binary heap over the event time. */
function agenda() {
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
    const first = must(heap[0], 'the agenda is empty');
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

/** Most events that wait for their time; beyond it the earliest comes too early, so that memory stays bounded. */
const MAX_WAITING = 32_768;

/** What is said of one message; nothing of it happens before `begins`. */
export interface Story {
  readonly begins: Millis;
  readonly events: readonly Feedback[];
}

/** The stories of many messages, told at once: events by event time. The stories come ordered by their beginning. */
export function* timeline(stories: Iterable<Story>): Generator<Feedback> {
  const ahead = agenda();
  for (const story of stories) {
    while (ahead.earliest() < story.begins || ahead.size() > MAX_WAITING) yield ahead.pop();
    for (const event of story.events) ahead.push(event);
  }
  while (ahead.size() > 0) yield ahead.pop();
}
