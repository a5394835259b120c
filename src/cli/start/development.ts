// What is on in development, and off otherwise: `lbproxy dev`, --dev, `lbproxy 3000`. A configuration that says otherwise has its way.
import type { OwnSettings } from '../../config/settings.ts';

export const DEVELOPMENT: OwnSettings = {
  /** Error pages say what failed, and where. */
  errorDetail: true,
  /** A line for each request on stdout, and a summary at the end. */
  requestLines: true,
};
