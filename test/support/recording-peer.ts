// A peer in bytes that keeps every byte and every connection it ever saw, and answers each complete request with `ok`.
import { startRawUpstream } from './upstream.ts';

export interface RecordingPeer {
  readonly address: string;
  /** Connections accepted since the last `forget`. */
  readonly connections: number;
  /** What came on each connection since the last `forget`, latin1, in the order in which they were opened. */
  readonly received: readonly string[];
  /** Begins a new record; bytes on connections that are open count from now. */
  forget(): void;
  close(): Promise<void>;
}

export async function startRecordingPeer(
  answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
): Promise<RecordingPeer> {
  let records: { text: string }[] = [];
  let connections = 0;
  const peer = await startRawUpstream((socket) => {
    connections++;
    let record: { text: string } | null = null;
    let pending = '';
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (record === null || !records.includes(record)) {
        record = { text: '' };
        records.push(record);
      }
      record.text += text;
      pending += text;
      for (let end = requestEnd(pending); end > 0; end = requestEnd(pending)) {
        pending = pending.slice(end);
        socket.write(answer);
      }
    });
    socket.on('end', () => socket.end());
  });
  return {
    address: peer.address,
    get connections() {
      return connections;
    },
    get received() {
      return records.map((record) => record.text);
    },
    forget() {
      records = [];
      connections = 0;
    },
    close: () => peer.close(),
  };
}

/** Where the first request of the text ends, 0 when it is not complete. Only for what the proxy itself writes. */
function requestEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n') + 4;
  if (head < 4) return 0;
  const fields = text.slice(0, head);
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(fields)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(head));
    return last === null ? 0 : head + last.index + last[0].length;
  }
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(fields)?.[1] ?? 0);
  return text.length >= head + length ? head + length : 0;
}
