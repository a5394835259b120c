// A variable that shows what is set at a location: the location has its getter, others know the name alone.
import type { Getter } from './template.ts';

export function ownVariable(name: string): Getter {
  return (x) => x.location.own?.[name]?.(x);
}
