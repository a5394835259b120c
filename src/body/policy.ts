// What a location says of its requests' bodies, ready for the road.
import type { Settings } from '../config/model.ts';
import { TempPlace } from './temp-place.ts';

export interface BodyPolicy {
  /** How much stays in memory (client_body_buffer_size). */
  readonly memoryBytes: number;
  readonly place: TempPlace;
  readonly fileOnly: 'off' | 'clean' | 'on';
  readonly inOnePiece: boolean;
}

export function bodyPolicyOf(settings: Settings): BodyPolicy {
  return {
    memoryBytes: settings.clientBodyBufferBytes,
    place: new TempPlace(settings.clientBodyTempPath),
    fileOnly: settings.clientBodyInFileOnly,
    inOnePiece: settings.clientBodyInSingleBuffer,
  };
}
