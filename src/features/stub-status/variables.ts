// $connections_active and its like: how many connections there are now, and what they do.
import type { VariableTable } from '../../route/template.ts';
import { population } from '../../shared/population.ts';

export const stubStatusVariables: VariableTable = {
  plain: {
    connections_active: () => String(population.now().active),
    connections_reading: () => String(population.now().reading),
    connections_writing: () => String(population.now().writing),
    connections_waiting: () => String(population.now().waiting),
  },
  families: {},
};
