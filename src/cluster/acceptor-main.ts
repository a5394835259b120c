// Entry of an acceptor process, started by the primary only.
import { Acceptor } from './acceptor.ts';

new Acceptor().start();
