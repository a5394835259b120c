// How lbproxy is at this moment, as one plain value: for the page, for `lbproxy top`, for /api/state.
import type { TrafficSnapshot } from '../observe/traffic/snapshot.ts';
import type { CockpitFace, PeerView } from './face.ts';
import { type ProgramView, programViews } from './program-calls.ts';

export interface StateView {
  readonly version: string;
  /** Path of the file that lbproxy runs. */
  readonly configuration: string;
  readonly traffic: TrafficSnapshot;
  readonly peers: readonly PeerView[];
  readonly programs: readonly ProgramView[];
}

export async function stateOf(face: CockpitFace): Promise<StateView> {
  return {
    version: face.version,
    configuration: face.configuration,
    traffic: await face.snapshot(),
    peers: face.peers(),
    programs: await programViews(face),
  };
}
