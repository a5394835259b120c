// The sites of the classic texts on the deployment of Tornado: their apps and configurations as written there, with the paths and ports of
// this run.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../support/free-ports.ts';

const PYTHON = '/usr/bin/python3';

function imports(module: string): boolean {
  return spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
}

export const missing = ['tornado', 'django'].filter((module) => !imports(module));

/** A directory that any user may read; `python` in its bin is Debian's python3, which has no such name of its own. */
export function makeSite(files: Readonly<Record<string, string>>): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'lbproxy-classic-'));
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'bin'));
  symlinkSync(PYTHON, join(dir, 'bin/python'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/** `user=` of the texts needs root; whoever runs the tests without is the user himself. */
export const WEB_USER = process.getuid?.() === 0 ? 'www-data' : userInfo().username;

/** What stands for the 80 of `--port=80%(process_num)02d`: 120 where 12001 to 12009 are free. */
export async function freeHundred(): Promise<number> {
  // Wherever they begin, the first nine of a hundred are among so many.
  const [first] = await freePorts(108);
  return Math.ceil((first - 1) / 100);
}

/** "Tornado Web Server Demo": debug, so it watches its sources and starts itself anew. */
export const DEMO_PY = `
import tornado.httpserver
import tornado.ioloop
import tornado.web
import tornado.options

from tornado.options import define, options
define("port", default=8000, help="run on the given port", type=int)

class MainHandler(tornado.web.RequestHandler):
    def get(self):
        self.write("Hello " + str(options.port))

settings = {
    "debug": True,
}

application = tornado.web.Application([
    (r"/", MainHandler),
], **settings)

if __name__ == "__main__":
    http_server = tornado.httpserver.HTTPServer(application)
    tornado.options.parse_command_line()
    http_server.listen(options.port)
    tornado.ioloop.IOLoop.instance().start()
`;

export function upstreamOf(ports: readonly number[]): string {
  const servers = ports.map((port) => `    server 127.0.0.1:${port};\n`).join('');
  return `upstream tornadoes {\n${servers}}`;
}

/** The group of Listing 8-4, and of the later text that also has `--log_file_prefix`. */
export function fourPrograms(ports: readonly number[], lines: (port: number) => string): string {
  const names = ports.map((port) => `tornado-${port}`).join(',');
  const programs = ports.map((port) => `[program:tornado-${port}]\n${lines(port)}`);
  return `[group:tornadoes]\nprograms=${names}\n\n${programs.join('\n')}`;
}

/** A minimal site of Django's, and what serves it through Tornado: `python Serv.py 8000`. */
export const DJANGO_SITE = {
  'site/settings.py': `
SECRET_KEY = "of the tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
INSTALLED_APPS = []
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
`,
  'site/urls.py': `
import os, sys
from django.http import HttpResponse, JsonResponse
from django.urls import path

def index(request):
    return HttpResponse("Django on " + sys.argv[1])

def seen(request):
    mask = os.umask(0)
    os.umask(mask)
    return JsonResponse({
        "host": request.get_host(), "client": request.META.get("HTTP_X_REAL_IP"), "scheme": request.META.get("HTTP_X_SCHEME"),
        "umask": mask,
    })

urlpatterns = [path("", index), path("seen/", seen)]
`,
  'site/Serv.py': `
import os, sys
import tornado.httpserver
import tornado.ioloop
import tornado.wsgi
from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
container = tornado.wsgi.WSGIContainer(get_wsgi_application())
http_server = tornado.httpserver.HTTPServer(container)
http_server.listen(int(sys.argv[1]), "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
`,
  'site/static/site.css': 'body { color: black }\n',
};
