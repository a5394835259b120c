// The live view in a browser.
import { render } from 'preact';
import './style.css';

const root = document.getElementById('app');
if (root !== null) render(<h1>lbproxy</h1>, root);
