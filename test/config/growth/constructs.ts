// Configurations of any size: one row for each construct of either syntax, and for each kind of mistake. `make(n)` gives n of it.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: nginx writes variables so

export interface Construct {
  readonly name: string;
  readonly syntax: 'nginx' | 'json';
  readonly make: (n: number) => string;
  /** Whether a few of it make a configuration that is good. */
  readonly good: boolean;
}

type Table = Readonly<Record<string, (n: number) => string>>;

const many = (n: number, one: (i: number) => string, between = '\n'): string =>
  Array.from({ length: n }, (_, i) => one(i)).join(between);
const server = (inside: string): string =>
  `http { server { listen 80; location / { return 204; } ${inside} } }`;
const location = (inside: string): string => server(`location /x { ${inside} }`);
const program = (inside: string): string => `program app { command "app"; ${inside} }`;

const GOOD_NGINX: Table = {
  comments: (n) => server(`${many(n, (i) => `# comment ${i}`)}\n`),
  'empty lines': (n) => server('\n'.repeat(n)),
  'blanks in a line': (n) => server(' '.repeat(n * 4)),
  servers: (n) => `http { ${many(n, (i) => `server { listen 80; server_name s${i}.example; }`)} }`,
  'servers on many addresses': (n) =>
    `http { ${many(n, (i) => `server { listen 127.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}:80; }`)} }`,
  'names of a server': (n) => server(`server_name ${many(n, (i) => `s${i}.example`, ' ')};`),
  'server_name directives': (n) => server(many(n, (i) => `server_name s${i}.example;`)),
  'listens of a server': (n) =>
    server(many(n, (i) => `listen 127.1.${(i >> 8) & 255}.${i & 255}:${8000 + (i >> 16)};`)),
  'redirects to https': (n) =>
    `http { ${many(n, (i) => `server { listen 80; server_name s${i}.example; redirect https; }`)} server { listen 443 ssl; ssl_certificate self-signed; } }`,
  locations: (n) => server(many(n, (i) => `location /l${i} { proxy_pass http://127.0.0.1:8001; }`)),
  'locations with regular expressions': (n) =>
    server(many(n, (i) => `location ~ ^/l${i}/(.*)$ { return 204; }`)),
  'named locations': (n) => server(many(n, (i) => `location @l${i} { return 204; }`)),
  upstreams: (n) =>
    `http { ${many(n, (i) => `upstream u${i} { server 127.0.0.1:8001; }`)} server { listen 80; location / { proxy_pass http://u0; } } }`,
  'upstreams in use': (n) =>
    `http { ${many(n, (i) => `upstream u${i} { server 127.0.0.1:8001; }`)} server { listen 80; ${many(n, (i) => `location /u${i} { proxy_pass http://u${i}; }`)} } }`,
  'servers of an upstream': (n) =>
    `http { upstream u { ${many(n, (i) => `server 127.0.${(i >> 8) & 255}.${i & 255}:${8000 + (i >> 16)};`)} } server { listen 80; location / { proxy_pass http://u; } } }`,
  programs: (n) => many(n, (i) => `program p${i} { command "app"; }`),
  'programs in use': (n) =>
    `${many(n, (i) => `program p${i} { command "app"; first_port ${1000 + i}; }`)} http { server { listen 80; ${many(n, (i) => `location /p${i} { proxy_pass http://p${i}; }`)} } }`,
  'environment directives': (n) => program(many(n, (i) => `environment V${i}=${i};`)),
  'words of a command': (n) => program(`command ${'w '.repeat(n)};`).replace('command "app"; ', ''),
  'exit codes': (n) => program(`exitcodes ${many(n, () => '0', ',')};`),
  types: (n) => location(`types { ${many(n, (i) => `text/t${i} e${i};`)} }`),
  'types blocks': (n) => location(many(n, (i) => `types { text/t${i} e${i}; }`)),
  'types that are compressed': (n) =>
    location(many(n, (i) => `gzip_types ${many(8, (j) => `text/t${i}-${j}`, ' ')};`)),
  'extensions of a type': (n) => location(`types { text/plain ${many(n, (i) => `e${i}`, ' ')}; }`),
  'header fields': (n) =>
    location(`proxy_pass http://127.0.0.1:1; ${many(n, (i) => `proxy_set_header X-${i} v;`)}`),
  sets: (n) => location(many(n, (i) => `set $v${i} ${i};`)),
  ifs: (n) => location(many(n, (i) => `if ($host = h${i}) { return 204; }`)),
  'ifs with settings': (n) => location(many(n, (i) => `if ($host = h${i}) { expires ${i}s; }`)),
  rewrites: (n) => location(many(n, (i) => `rewrite ^/a${i}$ /b${i} last;`)),
  returns: (n) => location(many(n, () => 'return 204;')),
  'variables in a word': (n) => location(`return 200 "${'$host'.repeat(n)}";`),
  'variables in braces': (n) => location(`return 200 "${'${host}'.repeat(n)}";`),
  captures: (n) => server(many(n, (i) => `location ~ ^/(?<c${i}>.*)$ { return 200 $c${i}; }`)),
  'log formats': (n) => `http { ${many(n, (i) => `log_format f${i} "$host";`)} server { listen 80; } }`,
  'access logs': (n) =>
    server(many(n, (i) => `access_log /dev/null f${i};`)).replace(
      '{',
      `{ ${many(n, (i) => `log_format f${i} x;`)}`,
    ),
  'a long word': (n) => location(`return 200 ${'x'.repeat(n * 20)};`),
  'a long quoted word': (n) => location(`return 200 "${' x'.repeat(n * 10)}";`),
  escapes: (n) => location(`return 200 "${'\\n'.repeat(n * 10)}";`),
  backslashes: (n) => location(`return 200 "${'\\\\'.repeat(n * 10)}";`),
  'directives without effect': (n) => server(many(n, () => 'keepalive_disable safari;')),
  'one line': (n) => server(many(n, (i) => `location /l${i} { return 204; }`, ' ')),
};

const BAD_NGINX: Table = {
  'unknown directives': (n) => server(many(n, (i) => `zzzz${i} x;`)),
  'unknown directives in a line': (n) => server(many(n, (i) => `zzzz${i} x;`, ' ')),
  'misspelt directives': (n) => server(many(n, () => 'proxy_pas x;')),
  'misspelt directives in a line': (n) => server(many(n, () => 'proxy_pas x;', ' ')),
  'directives of nginx': (n) => server(many(n, () => 'auth_basic x;')),
  'unknown blocks': (n) => server(many(n, (i) => `zzzz${i} { a b; }`)),
  'a long unknown directive': (n) => server(`${'proxy_pass'.repeat(n)} x;`),
  'long unknown directives': (n) => server(many(Math.ceil(n / 100), (i) => `${i}${'x'.repeat(2000)} y;`)),
  'directives of another place': (n) =>
    `http { server { listen 80; } ${many(n, () => 'proxy_pass http://x;')} }`,
  'wrong values': (n) => server(many(n, () => 'proxy_read_timeout x;')),
  'wrong values in a line': (n) => server(many(n, () => 'proxy_read_timeout x;', ' ')),
  'too many arguments': (n) => server(`root ${'x '.repeat(n)};`),
  'too few arguments': (n) => server('root;\n'.repeat(n)),
  duplicates: (n) => server(many(n, () => 'root /x;')),
  'duplicate locations': (n) => server(many(n, () => 'location /x { return 204; }')),
  'duplicate log formats': (n) => `http { ${many(n, () => 'log_format f "$host";')} server { listen 80; } }`,
  'duplicate upstreams': (n) =>
    `http { ${many(n, () => 'upstream u { server 127.0.0.1:1; }')} server { listen 80; } }`,
  'duplicate servers': (n) =>
    `http { ${many(n, () => 'server { listen 80 default_server; server_name a; }')} }`,
  'duplicate programs': (n) => many(n, () => 'program p { command "app"; }'),
  'empty upstreams': (n) => `http { ${many(n, (i) => `upstream u${i} { }`)} server { listen 80; } }`,
  'unknown variables': (n) => location(many(n, (i) => `set $x${i} $unknown${i};`)),
  'unknown variables in a word': (n) => location(`return 200 "${many(n, (i) => `$unknown${i}x`, ' ')}";`),
  'misspelt variables': (n) => location(many(n, (i) => `set $name${i} $nam${i};`)),
  'long unknown variables': (n) =>
    location(`set $${'a'.repeat(n)} 1; return 200 "$${'b'.repeat(n)} $${'a'.repeat(n - 1)}";`),
  'broken templates': (n) => location(many(n, () => 'return 200 "$ x";')),
  'a broken template': (n) => location(`return 200 "${'$ '.repeat(n)}";`),
  'broken regular expressions': (n) => server(many(n, (i) => `location ~ (${i} { return 204; }`)),
  'invalid modifiers': (n) => server(many(n, (i) => `location =~${i} /x { return 204; }`)),
  'unknown groups': (n) =>
    `http { ${many(n, (i) => `upstream group-${i} { server 127.0.0.1:1; }`)} server { listen 80; ${many(n, (i) => `location /${i} { proxy_pass http://gruop-${i}; }`)} } }`,
  'unknown groups with variables': (n) =>
    `http { ${many(n, (i) => `upstream group-${i} { server 127.0.0.1:1; }`)} server { listen 80; ${many(n, (i) => `location /${i} { proxy_pass http://gruop-${i}/$uri; }`)} } }`,
  'unknown programs': (n) =>
    `${many(n, (i) => `program p${i} { command "app"; }`)} http { ${many(n, (i) => `upstream u${i} { program q${i}; }`)} server { listen 80; } }`,
  'unknown formats': (n) =>
    `http { ${many(n, (i) => `log_format form${i} x;`)} server { listen 80; ${many(n, (i) => `access_log /dev/null from${i};`)} } }`,
  'missing semicolons': (n) => server(many(n, () => 'root /x')),
  'missing semicolons at lists': (n) => server(many(n, (i) => `server_name a${i}`)),
  'missing semicolons, one in three': (n) => server(many(n, (i) => `root /x\nserver_name a${i};\nindex x;`)),
  semicolons: (n) => server(';'.repeat(n)),
  'closing braces': (n) => server('}'.repeat(n)),
  'closing braces on lines': (n) => server('}\n'.repeat(n)),
  'opening braces': (n) => '{ '.repeat(n),
  'nested blocks': (n) => `${'location /x { '.repeat(n)}${'} '.repeat(n)}`,
  'nested blocks that end nowhere': (n) => server('location /x {\n'.repeat(n)),
  'blocks where none belongs': (n) => server('root /x { a b; }\n'.repeat(n)),
  'a quote never closed': (n) => server(`root "x\n${'root /x;\n'.repeat(n)}`),
  'a quote before blanks': (n) => server(`root "${' '.repeat(n * 10)}x\n`),
  'a quote before semicolons': (n) => server(`root "${'; {'.repeat(n * 10)}x\n`),
  'two kinds of quotes never closed': (n) => server(`${"root 'x\n".repeat(n)}root "y\n`),
  'quotes and what is glued to them': (n) => server('root "x"y;\n'.repeat(n)),
  'quotes over lines': (n) => server('root "x\n'.repeat(n)),
  'quotes of both kinds over lines': (n) => server('root "x\nroot \'y\n'.repeat(n)),
  'escaped quotes': (n) => server('root "\\"\n'.repeat(n)),
  'a brace glued to a word': (n) => server(`root ${'x} '.repeat(n)}}`),
  'bytes that are no UTF-8': (n) => server(many(n, () => 'root /\uFFFD;')),
  'control characters': (n) => server(many(n, () => 'zz\x1b[31m\u202e x;')),
  'control characters in a word': (n) => server(`root ${'\x01\u202e'.repeat(n)} y;`),
  'NUL bytes': (n) => '\0'.repeat(n * 10),
  'words alone': (n) => 'x '.repeat(n * 4),
  'words alone on lines': (n) => 'listen\n'.repeat(n * 4),
  placeholders: (n) => program(`process_name "${many(n, (i) => `{word${i}}`, ' ')}";`),
  'long placeholders': (n) =>
    program(`process_name "${many(Math.ceil(n / 100), (i) => `{prt${i}${'x'.repeat(2000)}}`, ' ')}";`),
  'percent forms': (n) => program(`process_name "${'%(nothing)s %('.repeat(n)}";`),
  'unclosed percent forms': (n) => program(`process_name "%(${'('.repeat(n * 4)}";`),
};

const jsonServer = (inside: string): string => `{ "servers": [{ "listen": 80, ${inside} }] }`;
const jsonLocation = (inside: string): string => jsonServer(`"locations": { "/": { ${inside} } }`);

const GOOD_JSON: Table = {
  comments: (n) => jsonServer(`${many(n, (i) => `// comment ${i}`)}\n"root": "/x"`),
  'block comments': (n) => jsonServer(`${'/* x */'.repeat(n)} "root": "/x"`),
  'a long comment': (n) => jsonServer(`/*${'*'.repeat(n * 10)}*/ "root": "/x"`),
  servers: (n) =>
    `{ "servers": [${many(n, (i) => `{ "listen": 80, "server_name": "s${i}.example" }`, ',')}] }`,
  'names of a server': (n) => jsonServer(`"server_name": [${many(n, (i) => `"s${i}.example"`, ',')}]`),
  'names of a server as one text': (n) =>
    jsonServer(`"server_name": "${many(n, (i) => `s${i}.example`, ' ')}"`),
  'a text of words behind an escape': (n) =>
    jsonServer(`"server_name": "\\u0061 ${many(n, (i) => `s${i}.example`, ' ')}"`),
  locations: (n) =>
    jsonServer(`"locations": { ${many(n, (i) => `"/l${i}": "http://127.0.0.1:8001"`, ',')} }`),
  upstreams: (n) =>
    `{ "upstreams": { ${many(n, (i) => `"u${i}": "127.0.0.1:8001"`, ',')} }, "servers": [{ "listen": 80, "locations": { "/": "http://u0" } }] }`,
  'servers of an upstream': (n) =>
    `{ "upstreams": { "u": [${many(n, (i) => `"127.0.${(i >> 8) & 255}.${i & 255}:${8000 + (i >> 16)}"`, ',')}] }, "servers": [{ "listen": 80, "locations": { "/": "http://u" } }] }`,
  'servers of an upstream as objects': (n) =>
    `{ "upstreams": { "u": [${many(n, (i) => `{ "address": "127.0.${(i >> 8) & 255}.${i & 255}:${8000 + (i >> 16)}", "weight": 2 }`, ',')}] }, "servers": [{ "listen": 80, "locations": { "/": "http://u" } }] }`,
  programs: (n) => `{ "programs": { ${many(n, (i) => `"p${i}": "app"`, ',')} } }`,
  environment: (n) =>
    `{ "programs": { "p": { "command": "app", "environment": { ${many(n, (i) => `"V${i}": "${i}"`, ',')} } } } }`,
  types: (n) => jsonLocation(`"types": { ${many(n, (i) => `"text/t${i}": "e${i}"`, ',')} }`),
  'header fields': (n) =>
    jsonLocation(
      `"proxy_pass": "http://127.0.0.1:1", "proxy_set_header": { ${many(n, (i) => `"X-${i}": "v"`, ',')} }`,
    ),
  'a long string': (n) => jsonLocation(`"return": [200, "${'x'.repeat(n * 20)}"]`),
  escapes: (n) => jsonLocation(`"return": [200, "${'\\n\\u00e9'.repeat(n)}"]`),
  lines: (n) => jsonServer(`${'\n'.repeat(n)}"root": "/x"`),
  'trailing commas': (n) =>
    jsonServer(`"locations": { ${many(n, (i) => `"/l${i}": { "return": [204,], },`, '')} },`),
  variables: (n) => jsonLocation(`"return": [200, "${'$host'.repeat(n)}"]`),
};

const BAD_JSON: Table = {
  commas: (n) => jsonServer(`"server_name": [${','.repeat(n)}]`),
  'commas in an object': (n) => `{${','.repeat(n)}}`,
  'unknown keys': (n) => jsonServer(many(n, (i) => `"zzzz${i}": 1`, ',')),
  'unknown keys on lines': (n) => jsonServer(many(n, (i) => `"zzzz${i}": 1`, ',\n')),
  'misspelt keys': (n) =>
    jsonServer(`"locations": { ${many(n, (i) => `"/${i}": { "proxy_pas": "x" }`, ',')} }`),
  'long unknown keys': (n) =>
    jsonServer(many(Math.ceil(n / 100), (i) => `"${i}${'x'.repeat(2000)}": 1`, ',')),
  'duplicate keys': (n) => jsonServer(many(n, () => '"root": "/x"', ',')),
  'wrong values': (n) =>
    jsonServer(`"locations": { ${many(n, (i) => `"/${i}": { "proxy_read_timeout": "x" }`, ',')} }`),
  nulls: (n) => jsonServer(`"server_name": [${many(n, () => 'null', ',')}]`),
  'objects in a list': (n) => jsonServer(`"server_name": [${many(n, () => '{}', ',')}], "root": null`),
  'lists in a list': (n) => jsonServer(`"listen": [${many(n, () => '[80]', ',')}]`),
  'unquoted keys': (n) => jsonServer(many(n, (i) => `zzzz${i}: 1`, ',')),
  'unquoted words': (n) => jsonServer(`"root": ${'x '.repeat(n)}`),
  'no commas': (n) => jsonServer(`"server_name": [${'"x" '.repeat(n)}]`),
  colons: (n) => jsonServer(`"server_name": [${': '.repeat(n)}]`),
  'closing brackets': (n) => jsonServer(`"root": "/x" ${'}'.repeat(n)}`),
  'closing brackets of the wrong kind': (n) => `{ "a": [${'}'.repeat(n)}`,
  'closing brackets under open ones': (n) => `${'[{'.repeat(200)}${')}]'.repeat(n)}`,
  'nested lists': (n) => `{ "a": ${'['.repeat(n)}${']'.repeat(n)} }`,
  'nested objects': (n) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`,
  'open brackets': (n) => '{"a":['.repeat(n),
  'a string never closed': (n) => jsonServer(`"root": "${'x'.repeat(n * 20)}`),
  'a string never closed before brackets': (n) => jsonServer(`"root": "${'}] '.repeat(n * 5)}x\n`),
  'a string never closed before commas': (n) => jsonServer(`"root": "${',,,'.repeat(n * 5)}x\n`),
  'strings never closed': (n) => jsonServer('"root": "x\n'.repeat(n)),
  'strings never closed before brackets': (n) => jsonServer('"root": "x }]\n'.repeat(n)),
  'wrong escapes': (n) => jsonServer(`"root": "${'\\x'.repeat(n * 5)}"`),
  'wrong unicode escapes': (n) => jsonServer(`"root": "${'\\u00'.repeat(n * 5)}"`),
  'tabs in a string': (n) => jsonServer(`"root": "${'\t'.repeat(n * 5)}"`),
  'strings with wrong escapes': (n) => jsonServer(`"server_name": [${many(n, () => '"\\x"', ',')}]`),
  'strings with tabs': (n) => jsonServer(`"server_name": [${many(n, () => '"\t"', ',')}]`),
  'numbers that are none': (n) => jsonServer(`"server_name": [${many(n, () => '1.', ',')}]`),
  'a comment never closed': (n) => jsonServer(`/*${' x'.repeat(n * 5)}`),
  'texts behind the end': (n) => `{} ${'x '.repeat(n)}`,
  'objects behind the end': (n) => '{} '.repeat(n),
  'locations without names': (n) =>
    jsonServer(`"locations": [${many(n, (i) => `{ "path": "/${i}", "root": "/x" }`, ',')}]`),
  'servers without addresses': (n) => `{ "upstreams": { "u": [${many(n, () => '{}', ',')}] } }`,
  'quotes in texts': (n) => jsonServer(`"listen": [${many(n, () => '"\\"a"', ',')}]`),
  'a quote in a text': (n) => jsonServer(`"server_name": "'${'a '.repeat(n * 5)}"`),
  'words behind a quote in a text': (n) => jsonServer(`"server_name": "${"'a'b ".repeat(n)}"`),
  'NUL bytes': (n) => `{${'\0'.repeat(n)}`,
  'control characters': (n) => jsonServer(many(n, (i) => `"zz\\u001b${i}\u202e": 1`, ',')),
};

function rows(syntax: 'nginx' | 'json', good: boolean, table: Table): Construct[] {
  return Object.entries(table).map(([name, make]) => ({ name, syntax, good, make }));
}

export const CONSTRUCTS: readonly Construct[] = [
  ...rows('nginx', true, GOOD_NGINX),
  ...rows('nginx', false, BAD_NGINX),
  ...rows('json', true, GOOD_JSON),
  ...rows('json', false, BAD_JSON),
];
