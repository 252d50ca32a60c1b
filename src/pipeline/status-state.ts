import type { DeliveryId } from '../base/ids';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { MessageAggregate } from '../status/message';
import { decodeMessage } from '../store/codec';
import { damaged, readStored } from '../store/damage';
import { CONTRIBUTIONS_HASH } from '../store/hashes';
import { statusTaskOf } from '../store/store';

/* What a status task reads of its state. All of it throws `state-damaged`, with the key, where that is not what it wrote. */

interface StatusState {
  readonly stateId: number;
  readonly partition: number;
  readonly contribution: WireType<Contribution>;
}

/** This partition's contribution to a delivery as stored, or an empty one. */
export function contributionOf(
  state: StatusState,
  deliveryId: DeliveryId,
  stored: Buffer | null,
): Contribution {
  const { contribution, stateId, partition } = state;
  if (stored === null) return { ...emptySum(deliveryId, stateId), partition };
  return readStored(statusTaskOf(state, state.partition), CONTRIBUTIONS_HASH, stored, (bytes) =>
    contribution.read(bytes),
  );
}

/** A message of a hash as stored, or null. */
export function messageIn(state: StatusState, hash: string, stored: Buffer | null): MessageAggregate | null {
  return stored === null
    ? null
    : readStored(statusTaskOf(state, state.partition), hash, stored, decodeMessage);
}

/** Throws where there are messages of a delivery that has no contribution. */
export function refuseMessages(state: StatusState, hash: string, loaded: readonly (Buffer | null)[]): void {
  if (loaded.every((value) => value === null)) return;
  throw damaged(
    statusTaskOf(state, state.partition),
    hash,
    'it holds messages of a delivery whose contribution is missing',
  );
}
