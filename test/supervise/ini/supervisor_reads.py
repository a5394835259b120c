"""Reads supervisord.conf files with the real Supervisor and prints what it made of each: one JSON line for each path on stdin."""
import json
import os
import re
import sys

from supervisor import options as so
from supervisor.datatypes import Automatic
from supervisor.options import ServerOptions


class Refused(Exception):
    pass


class Options(ServerOptions):
    def usage(self, msg):
        raise Refused(str(msg))


def absolute(path):
    # Python keeps two slashes at the beginning.
    return re.sub('^//', '/', os.path.abspath(path))


def where(value):
    if value is Automatic:
        return {'kind': 'auto'}
    if value is None or value == '':
        return {'kind': 'none'}
    path = absolute(value)
    return {'kind': 'file', 'path': path} if path == value else {'kind': 'file', 'path': path, 'shown': value}


def restart(value):
    if value is so.auto_restart('unexpected'):
        return 'unexpected'
    return value is not False


def stream(config, channel):
    get = lambda key: getattr(config, '%s_%s' % (channel, key))
    return {
        'target': where(get('logfile')),
        'syslog': get('syslog'),
        'maxBytes': max(0, get('logfile_maxbytes')),
        'backups': max(0, get('logfile_backups')),
        'captureMaxBytes': max(0, get('capture_maxbytes')),
        'events': get('events_enabled'),
    }


def process(config, options):
    import shlex
    try:
        argv = shlex.split(config.command)
    except ValueError:
        argv = None
    serverurl = config.serverurl if config.serverurl is not None else options.serverurl
    return {
        'name': config.name,
        'command': config.command,
        'argv': argv,
        'directory': absolute(config.directory or ''),
        'uid': config.uid,
        'umask': None if config.umask is None else config.umask & 0o777,
        'priority': config.priority,
        'autostart': config.autostart,
        'autorestart': restart(config.autorestart),
        'startsecs': max(0, config.startsecs),
        'startretries': max(0, config.startretries),
        'stopsignal': int(config.stopsignal),
        'stopwaitsecs': max(0, config.stopwaitsecs),
        'exitcodes': config.exitcodes,
        'redirectStderr': config.redirect_stderr,
        'environment': config.environment,
        'serverUrl': serverurl or None,
        'stdout': stream(config, 'stdout'),
        'stderr': stream(config, 'stderr'),
        'stopasgroup': config.stopasgroup,
        'killasgroup': config.killasgroup,
    }


def socket_of(group):
    config = getattr(group, 'socket_config', None)
    if config is None:
        return None
    unix = isinstance(config, so.UnixStreamSocketConfig)
    return {
        'url': config.url,
        'backlog': config.backlog,
        'mode': config.mode if unix else None,
        'owner': list(config.owner) if unix and config.owner else None,
    }


def group_of(group, options):
    # What supervisord makes of them: of one name the last process, in the place of the first; listed by priority.
    named = {}
    for config in group.process_configs:
        named[config.name] = config
    configs = sorted(named.values(), key=lambda config: config.priority)
    events = getattr(group, 'pool_events', None)
    from supervisor.events import EventTypes
    return {
        'name': group.name,
        'priority': group.priority,
        'processes': [process(config, options) for config in configs],
        'events': None if events is None else sorted(
            name for name in dir(EventTypes) if getattr(EventTypes, name) in events),
        'bufferSize': getattr(group, 'buffer_size', None),
        'socket': socket_of(group),
    }


def server_of(config):
    unix = 'file' in config
    login = None if config['username'] is None else [config['username'], config['password']]
    if unix:
        return {'path': absolute(config['file']), 'mode': config['chmod'], 'owner': list(config['chown']), 'login': login}
    return {'host': config['host'], 'port': config['port'], 'login': login}


def read(path):
    options = Options()
    try:
        options.realize(['-c', path], doc='')
    except Refused as why:
        return {'refused': str(why)}
    except Exception as why:  # Supervisor ends with a traceback
        return {'refused': 'traceback: %r' % (why,)}
    named = {}
    for group in options.process_group_configs:
        named.setdefault(group.name, group)
    return {
        'identifier': options.identifier,
        'childLogDirectory': absolute(options.childlogdir),
        'keepsOldAutoLogs': bool(options.nocleanup),
        'logFile': None if options.logfile == 'syslog' else options.logfile,
        'stripAnsi': bool(options.strip_ansi),
        'uid': options.uid,
        'servers': [server_of(config) for config in options.server_configs],
        'groups': [group_of(group, options) for group in named.values()],
        'warnings': options.parse_warnings,
    }


for line in sys.stdin:
    print(json.dumps(read(line.rstrip('\n'))), flush=True)
