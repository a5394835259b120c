// PHP scripts for the comparison: what they got, and answers of every kind.
export const SCRIPTS: Readonly<Record<string, string>> = {
  'echo.php': `<?php
header('Content-Type: text/plain');
$skip = '/^(PHP_|FCGI_|REQUEST_TIME|argv|argc|SERVER_PORT|REMOTE_PORT|SERVER_SOFTWARE|HTTP_X_SIDE|USER$|HOME$)/';
foreach ($_SERVER as $name => $value)
  if (!preg_match($skip, $name) && getenv($name, true) === false) $lines[] = "$name=" . json_encode($value, JSON_INVALID_UTF8_SUBSTITUTE);
sort($lines);
$body = file_get_contents('php://input');
echo implode("\\n", $lines), "\\n", strlen($body), ' ', md5($body), "\\n", json_encode([$_GET, $_POST]);`,
  'index.php': `<?php header('Content-Type: text/plain'); echo 'index ', $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['PATH_INFO'] ?? 'none';`,
  'status.php': `<?php http_response_code((int) $_GET['s']); header('X-Status: ' . $_GET['s']); echo 'status ', $_GET['s'];`,
  'raw-status.php': `<?php header('Status: ' . $_GET['s']); echo 'raw';`,
  'redirect.php': `<?php header('Location: ' . $_GET['to'], true, (int) ($_GET['s'] ?? 302)); echo 'moved';`,
  'headers.php': `<?php
header('X-One: 1'); header('X-Two: a'); header('X-Two: b', false); header('Set-Cookie: a=1'); header('Set-Cookie: b=2', false);
header('X-Powered-By: me'); header('Server: own'); header('X-Accel-Expires: 5'); header('X-Accel-Buffering: no'); header('X-Pad: x');
header('Date: Thu, 01 Jan 1970 00:00:00 GMT'); header('Connection: close'); header('Keep-Alive: timeout=1'); header('ETag: "x"');
header('Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT'); header('Cache-Control: no-store'); header('Content-Type: text/x; charset=a');
echo 'headers';`,
  'length.php': `<?php header('Content-Length: 5'); echo 'exact';`,
  'big.php': `<?php for ($i = 0; $i < (int) $_GET['n']; $i++) echo str_repeat(chr(97 + $i % 26), 1000);`,
  'flush.php': `<?php for ($i = 0; $i < 5; $i++) { echo "part $i\\n"; flush(); usleep(20000); }`,
  'errors.php': `<?php header('Content-Type: text/plain'); error_log('it is said. '); trigger_error('a warning', E_USER_WARNING); echo 'after';`,
  'fatal.php': `<?php nowhere();`,
  'late.php': `<?php echo 'before'; flush(); error_log('late words'); echo 'after';`,
  'empty.php': `<?php`,
  'killed.php': `<?php if ($_GET['late'] ?? false) { echo str_repeat('x', 5000); flush(); } posix_kill(getmypid(), 9);`,
  'slow.php': `<?php usleep((int) $_GET['ms'] * 1000); echo 'slow';`,
};
