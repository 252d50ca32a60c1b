import type { OutgoingRecord } from './kpi/sink';
import type { Read, Write } from './store/store';

/** The values of what was asked for: by read, then by field; null where absent. */
export type Loaded = readonly (readonly (Buffer | null)[])[];

/** What a batch does to a task: nothing here has happened yet. */
export interface Projected {
  readonly writes: readonly Write[];
  readonly outgoing: readonly OutgoingRecord[];
}

/** The pure heart of a pipeline. Same inputs and same loaded values, same result. */
export interface Projection<Input> {
  /** Everything `project` will need of the store. */
  touches(inputs: readonly Input[]): readonly Read[];
  /** Folds the inputs into what was loaded, and derives what follows from it. */
  project(inputs: readonly Input[], loaded: Loaded): Projected;
}
