// The port that a command line names for its own process.
import { describe, expect, it } from 'vitest';
import { inferPort, loneNumber, namedPorts } from '../../../src/supervise/ini/infer-port.ts';
import { splitWords } from '../../../src/supervise/ini/shlex.ts';

function portOf(command: string, environment: Readonly<Record<string, string>> = {}): number | null {
  const words = splitWords(command);
  if ('problem' in words) throw new Error(words.problem);
  return inferPort(
    words.map((word) => word.text),
    environment,
  );
}

describe('the port of a command line', () => {
  it.each([
    ['python3 app.py --port=8001', 8001],
    ['python3 app.py --port 8001', 8001],
    ['app -p 8001', 8001],
    ['app -p8001', 8001],
    ['gunicorn app:app --bind 127.0.0.1:8001', 8001],
    ['gunicorn app:app --bind=unix:/run/x.sock', null],
    ['gunicorn -b :8001 app:app', 8001],
    ['gunicorn -b0.0.0.0:8001 app:app', 8001],
    ['gunicorn -b [::1]:8001 app:app', 8001],
    ['gunicorn -b :8001 -b :8002 app:app', null],
    ['gunicorn -b 127.0.0.1:8001 -b [::1]:8001 app:app', 8001],
    ['uwsgi --http :8001 --module app', 8001],
    ['waitress-serve --listen=*:6543 app:app', 6543],
    ['python manage.py runserver 0.0.0.0:8000', 8000],
    ['python manage.py runserver 8000 --noreload', 8000],
    ['python3 -m http.server 8080', 8080],
    ['java -Dserver.port=8085 -jar app.jar', 8085],
    ["bash -c 'exec gunicorn -b :8001 app'", 8001],
    ["/bin/sh -ec 'cd /srv && app --port 8001'", 8001],
    ['app', null],
    ['app 8001', null],
    ['app --port=web', null],
    ['app --port=0', null],
    ['app --port=80100', null],
    ['app --port', null],
    ['mkdir -p 8001', null],
    ['ssh -p 22 host', null],
    ['python /srv/rqworker --port 6379', null],
    ['app --redis-port 6379', null],
    ['docker run -p 80:8080 image', null],
    ['app -P 8001', null],
  ])('%s', (command, port) => {
    expect(portOf(command)).toBe(port);
  });

  it('may come from PORT, and two that differ are none', () => {
    expect(portOf('app', { PORT: '8001' })).toBe(8001);
    expect(portOf('app --port=8001', { PORT: '8001' })).toBe(8001);
    expect(portOf('app --port=8001', { PORT: '8002' })).toBeNull();
    expect(portOf('app', { PORT: 'x' })).toBeNull();
  });

  it.each([
    ['python /srv/site/Serv.py 8001', 8001],
    ['bin/serve 8001 --debug', 8001],
    ['app 8001 8002', null],
    ['app --workers 8001', null],
    ['app -n 8001', null],
    ['app 80100', null],
    ['app 08001', null],
    ['nc localhost 8001', null],
    ['python client.py localhost:8001', null],
    ['8001', null],
    ['app', null],
  ])('may be the lone number of %s', (command, number) => {
    expect(loneNumber(command.split(' '))).toBe(number);
  });

  it('tells numbers that are no ports', () => {
    expect(namedPorts(['app', '--port=80100'])).toEqual([80100]);
  });
});
