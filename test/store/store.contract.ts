import type { Generations, Store } from '../../src/store/store';
import { claims, commits } from './commit.contract';
import { contents, reads } from './content.contract';
import { generations } from './generations.contract';
import { newNamespace, type Subject } from './given';
import { refusals } from './refusal.contract';

/** The contract of every store. `subject` is called inside the tests. */
export function describeStore(subject: () => Subject): void {
  const fresh = (): Store & Generations => subject().store(newNamespace());
  describe('claims', () => claims(fresh));
  describe('commits', () => commits(fresh));
  describe('refused commits', () => refusals(subject));
  describe('reads', () => reads(fresh));
  describe('stored content', () => contents(fresh));
  describe('generations', () => generations(subject));
}
