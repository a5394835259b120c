// What is on in development, and off otherwise: `lbproxy dev`, --dev, `lbproxy 3000`. A configuration that says otherwise has its way.
import { USUAL_ADDRESS } from '../../cockpit/rows.ts';
import type { OwnSettings } from '../../config/settings.ts';

export const DEVELOPMENT: OwnSettings = {
  /** Error pages say what failed, and where. */
  errorDetail: true,
  /** A line for each request on stdout, and a summary at the end. */
  requestLines: true,
  /** A page that shows what passes, and what it needs: what acceptors keep of requests, and counts. */
  liveView: USUAL_ADDRESS,
  inspector: { bytes: 32 * 1024 * 1024, at: '' },
  countTraffic: 'on',
};
