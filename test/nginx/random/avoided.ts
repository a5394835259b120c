// What random configurations leave out, as nginx does there what DIFFERENCES.md says.
import { line, type Node } from './tree.ts';

export const isMirror = ({ text }: Node): boolean => text.startsWith('mirror ');

export const withoutMirror = (node: Node): Node =>
  node.children === undefined
    ? node
    : { ...node, children: node.children.filter((child) => !isMirror(child)).map(withoutMirror) };

const passes = (node: Node): boolean =>
  node.text.startsWith('proxy_pass ') || (node.children?.some(passes) ?? false);

/** nginx gives the default proxy_redirect of a location to what is inside of it, whatever that forwards to. */
export function ownRedirects(nodes: readonly Node[]): Node[] {
  const isOuter = nodes.some(({ text }) => text.startsWith('proxy_pass '));
  const isInner = nodes.some((node) => node.children !== undefined && passes(node));
  const isTold = nodes.some(({ text }) => text.startsWith('proxy_redirect '));
  return isOuter && isInner && !isTold ? [line('proxy_redirect off'), ...nodes] : [...nodes];
}

/** Of several `if` only the last one has a proxy_pass where the location has none: nginx would forward with the settings of another. */
export function lastPasses(nodes: readonly Node[]): Node[] {
  if (nodes.some(({ text }) => text.startsWith('proxy_pass '))) return [...nodes];
  const isApp = nodes.some(({ text }) => /^(?:fastcgi|uwsgi|scgi)_pass /.test(text));
  const last = isApp ? null : nodes.findLast(({ text }) => text.startsWith('if '));
  return nodes.map((node) =>
    node === last || !node.text.startsWith('if ')
      ? node
      : { ...node, children: node.children?.filter(({ text }) => !text.startsWith('proxy_pass ')) },
  );
}

/** Under `satisfy any` nginx keeps a 403 for the page of an error that ends the asking: no such error has a page there. */
export const withoutErrorsOfAccess = (node: Node): Node =>
  node.children === undefined
    ? { ...node, text: node.text.replace(/^(error_page .*)\b500 /, '$1502 ') }
    : { ...node, children: node.children.map(withoutErrorsOfAccess) };

export const satisfiesAny = ({ text, children }: Node): boolean =>
  text === 'satisfy any' || (children?.some(satisfiesAny) ?? false);
