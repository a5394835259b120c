// Who a TLS server says it is.
import { connect } from 'node:tls';

/** The common name of the certificate that a new connection is shown. */
export function connectTls(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
