import type { Generations, Store } from '../../src/store/store';
import { claims, commits } from './commit.contract';
import { contents, reads } from './content.contract';
import { generations } from './generations.contract';
import { newNamespace, type Subject } from './given';
import { refusals } from './refusal.contract';

/** What every store must do. `subject` is asked inside the tests. */
export function describeStore(subject: () => Subject): void {
  const fresh = (): Store & Generations => subject().store(newNamespace());
  describe('claims', () => claims(fresh));
  describe('commits', () => commits(fresh));
  describe('commits that must not pass', () => refusals(subject));
  describe('reads', () => reads(fresh));
  describe('what is stored', () => contents(fresh));
  describe('generations', () => generations(subject));
}
