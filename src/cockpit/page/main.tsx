// The live view in a browser.
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style.css';
import { App } from './app.tsx';
import { followAddress } from './place.ts';
import { startStream } from './stream.ts';

followAddress();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
startStream();
