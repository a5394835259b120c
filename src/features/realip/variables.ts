// Where the connection itself comes from, whatever a proxy says.
import type { VariableTable } from '../../route/template.ts';

export const realipVariables: VariableTable = {
  plain: {
    realip_remote_addr: (x) => x.client.remoteAddress,
    realip_remote_port: (x) => (x.client.remotePort > 0 ? String(x.client.remotePort) : ''),
  },
  families: {},
};
