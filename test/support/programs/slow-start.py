# slow-start.py SECONDS: takes that long before it listens on 127.0.0.1:$PORT (or, without PORT, says "ready"), then answers each client
# with its pid.
import os
import socket
import sys
import time

time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
if 'PORT' not in os.environ:
    print('ready', flush=True)
    while True:
        time.sleep(3600)
listener = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))
print('ready', flush=True)
body = b'%d' % os.getpid()
while True:
    client, _ = listener.accept()
    with client:
        if client.recv(65536):
            client.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
