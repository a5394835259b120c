// In the place of Express where it is not installed: what the quickstart uses of it.
import { createServer } from 'node:http';

export default function express() {
  const routes = new Map();
  const settings = new Map();
  const trusts = (address) =>
    settings.get('trust proxy') === 'loopback' && /^(?:::ffff:)?127\./.test(address);
  const ask = (request) => {
    const { headers, socket } = request;
    const isTrusted = trusts(socket.remoteAddress);
    const protocol = (isTrusted && headers['x-forwarded-proto']) || 'http';
    const ip = (isTrusted && headers['x-forwarded-for']?.split(/, */).at(-1)) || socket.remoteAddress;
    return Object.assign(request, {
      protocol,
      ip,
      secure: protocol === 'https',
      get: (name) => headers[name.toLowerCase()],
    });
  };
  return {
    set: (name, value) => settings.set(name, value),
    get: (path, handler) => routes.set(path, handler),
    listen: (port, host) =>
      createServer((request, response) => {
        const handler = routes.get(request.url);
        response.send = (text) => response.end(text);
        if (handler === undefined) response.writeHead(404).end();
        else handler(ask(request), response);
      }).listen(Number(port), host),
  };
}
