// Entry of an acceptor process, started by the primary only. What the primary sends meanwhile waits until it is listened to.
import { useCodeCache } from '../shared/code-cache.ts';

useCodeCache();
void import('./acceptor.ts').then(({ Acceptor }) => new Acceptor().start());
