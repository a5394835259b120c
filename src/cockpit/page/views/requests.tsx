// The inspector: requests as they come, one of them in full, or two beside each other.
import { useEffect, useRef } from 'preact/hooks';
import { clock, ms } from '../format.ts';
import { Comparison } from '../requests/comparison.tsx';
import { RequestDetail } from '../requests/detail.tsx';
import { filterText, imported, isKept, listed } from '../requests/listed.ts';
import type { Row } from '../requests/merged-rows.ts';
import { compared, compareWith, refreshDetail, select, selected } from '../requests/selection.ts';
import { Toolbar } from '../requests/toolbar.tsx';
import { VirtualList } from '../virtual-list.tsx';

export function Requests() {
  const id = selected.value;
  return (
    <>
      <h2 class="only-read">Requests</h2>
      <Toolbar />
      <div class={id === null ? 'split' : 'split open'}>
        <List />
        <section class="side" aria-label="The chosen request" aria-live="off">
          {id === null ? <p class="empty">Choose a request to see it.</p> : <Side id={id} />}
        </section>
      </div>
    </>
  );
}

function List() {
  const rows = listed.value;
  return (
    <VirtualList<Row>
      label="Requests"
      items={rows}
      idOf={({ id }) => id}
      chosen={selected.value}
      onChoose={({ id }) => select(id)}
      row={(row) => <Cells row={row} />}
      head={<Head />}
      empty={whyEmpty()}
    />
  );
}

function whyEmpty(): string {
  if (imported.value !== null) return 'No request of the file passes the filter.';
  if (isKept.value === null) return 'Loading …';
  if (!isKept.value)
    return 'The inspector is off: write "inspector 32m;" in the configuration and reload it.';
  return filterText.value === '' ? 'No request yet.' : 'No request passes the filter.';
}

function Head() {
  return (
    <>
      <div role="columnheader" class="c-time">
        Time
      </div>
      <div role="columnheader" class="c-method">
        Method
      </div>
      <div role="columnheader" class="c-path">
        Path
      </div>
      <div role="columnheader" class="c-status">
        Status
      </div>
      <div role="columnheader" class="c-ms">
        Took
      </div>
      <div role="columnheader" class="c-peer">
        Peer
      </div>
      <div role="columnheader" class="c-cause">
        Cause
      </div>
    </>
  );
}

function Cells({ row }: { readonly row: Row }) {
  const { at, method, host, target, status, attempts, failure, id } = row;
  const last = attempts.at(-1);
  const failed = failure !== '' ? failure : attempts.find(({ outcome }) => outcome !== 'ok')?.outcome;
  return (
    <>
      <div role="gridcell" class="c-time">
        {clock(at)}
      </div>
      <div role="gridcell" class="c-method">
        {method}
      </div>
      <div role="gridcell" class="c-path" title={`${host}${target}`}>
        {compared.value === id && <b title="to be compared">≠ </b>}
        {target}
      </div>
      <div role="gridcell" class="c-status">
        <span class={`status s${String(status)[0]}`}>{status === 0 ? '…' : status}</span>
      </div>
      <div role="gridcell" class="c-ms">
        {row.ms < 0 ? '…' : ms(row.ms)}
      </div>
      <div role="gridcell" class="c-peer">
        {last === undefined ? '' : attempts.length > 1 ? `${last.peer} (${attempts.length})` : last.peer}
      </div>
      <div role="gridcell" class="c-cause">
        {failed ?? ''}
      </div>
    </>
  );
}

function toList(): void {
  select(null);
  requestAnimationFrame(() => document.querySelector<HTMLElement>('.grid')?.focus());
}

function Side({ id }: { readonly id: string }) {
  const row = listed.value.find((one) => one.id === id);
  const back = useRef<HTMLButtonElement>(null);
  // Where it takes the list's place it takes the focus, too.
  useEffect(() => {
    if (back.current !== null && back.current.offsetParent !== null) back.current.focus();
  }, []);
  // What is under way changes.
  useEffect(() => void refreshDetail(), [row?.version]);
  const other = compared.value;
  return (
    <>
      <div class="actions side-top">
        <button type="button" class="back" ref={back} onClick={toList}>
          ← List
        </button>
        {other === null && (
          <button type="button" onClick={() => compareWith(id)}>
            Compare with another
          </button>
        )}
        {other !== null && (
          <button type="button" onClick={() => compareWith(null)}>
            End the comparison
          </button>
        )}
      </div>
      {other === id && <p class="hint">Now choose the request to compare it with.</p>}
      {other !== null && other !== id ? <Comparison /> : <RequestDetail />}
    </>
  );
}
