// The PHP scripts of WordPress' and Nextcloud's stacks: they tell what they were given, and answer with what `app=` asks for.

/** Fields of the program, not of the request. */
const BODY = `<?php
$app = $_GET['app'] ?? '';
$code = intval($app);
if ($code >= 400) { http_response_code($code); echo "<p>php says $code\\n"; return; }
switch ($app) {
  case 'redirect': header('Location: /there?x=1'); return;
  case 'redirect301': header('Location: http://' . $_SERVER['HTTP_HOST'] . '/there', true, 301); return;
  case 'login': setcookie('wordpress_logged_in_1', 'me', ['path' => '/', 'httponly' => true]); setcookie('b', '2'); header('Location: /wp-admin/', true, 302); return;
  case '201': http_response_code(201); header('Content-Type: application/json'); echo '{"made":true}'; return;
  case '204': http_response_code(204); return;
  case '304': http_response_code(304); header('ETag: "php-1"'); return;
  case 'html': header('Content-Type: text/html; charset=UTF-8'); echo str_repeat("<p>a line of PHP</p>\\n", 200); return;
  case 'json': header('Content-Type: application/json'); header('Cache-Control: no-cache'); header('ETag: "json-1"'); echo json_encode(array_fill(0, 100, 'a value')); return;
  case 'headers': header('X-Powered-By: PHP/8'); header('X-One: 1'); header('X-One: 2', false); header('Link: </a>; rel=x'); header('Expires: Thu, 19 Nov 1981 08:52:00 GMT'); header('Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT'); header('Vary: Cookie'); header('Content-Type: text/plain'); echo 'headers'; return;
  case 'length': header('Content-Length: 5'); header('Content-Type: text/plain'); echo 'hello'; return;
  case 'type': header('Content-Type: image/svg+xml'); echo '<svg>' . str_repeat('<g/>', 200) . '</svg>'; return;
  case 'big': header('Content-Type: text/plain'); echo str_repeat('0123456789abcdef', 20000); return;
  case 'empty': return;
  case 'accel': header('X-Accel-Redirect: /wp-includes/js/x.js'); return;
}
$body = file_get_contents('php://input');
header('Content-Type: text/plain; charset=utf-8');
$told = [];
foreach ($_SERVER as $name => $value)
  if (is_string($value) && preg_match('/^(HTTP_(?!CONNECTION$|UPGRADE$|X_CASE$).*|REQUEST_METHOD|REQUEST_URI|REQUEST_SCHEME|QUERY_STRING|SCRIPT_NAME|SCRIPT_FILENAME|PATH_INFO|DOCUMENT_URI|DOCUMENT_ROOT|CONTENT_.*|SERVER_(NAME|PROTOCOL|ADDR)|REMOTE_(ADDR|USER)|HTTPS|GATEWAY_INTERFACE|REDIRECT_STATUS|modHeadersAvailable|front_controller_active)$/', $name))
    $told[] = "$name=$value";
sort($told);
echo basename(__FILE__), "\\n", implode("\\n", $told), "\\nbody ", strlen($body), ' ', md5($body), "\\n";
`;

const NAMES = [
  'index.php',
  'wp-login.php',
  'wp-admin/index.php',
  'wp-admin/admin-ajax.php',
  'xmlrpc.php',
  'remote.php',
  'status.php',
];

export const SCRIPTS: Readonly<Record<string, string>> = Object.fromEntries(
  [...NAMES, 'ocs/v2.php', 'wp-cron.php'].map((name) => [name, BODY]),
);
