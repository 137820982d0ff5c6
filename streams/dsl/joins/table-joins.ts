import { chain } from '../../../common/awaitable.ts'
import { TableSelfJoin } from '../../processors/joins/table-self-join.ts'
import { TableTableJoin } from '../../processors/joins/table-table-join.ts'
import type { TableSettings } from '../../processors/tables/table-forwarder.ts'
import { TableJoinMerge } from '../../processors/tables/table-operators.ts'
import { rowOf, type TableView } from '../../processors/tables/table-view.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import type { TableMaterialized } from '../options.ts'
import { isMaterialized, storedTable } from '../plan/materialize.ts'
import type { TableNode } from '../plan/nodes.ts'
import { tableStoreView } from '../plan/table-store.ts'

export type TableJoinKind = 'inner' | 'left' | 'outer'

type TableJoiner<K, V, V2, R> = (value: V | undefined, otherValue: V2 | undefined, key: K) => R

/** Two sides and a merge; the result is stored when the options say anything about a store or its serdes. @see KTableImpl.doJoin */
export function joinTables<K, V, V2, R>(
  kind: TableJoinKind,
  left: TableNode<K, V>,
  right: TableNode<K, V2>,
  joiner: TableJoiner<K, V, V2, R>,
  options: TableMaterialized<K, R> & DroppedOptions<K, V | V2>,
): TableNode<K, R> {
  const { context } = left
  const { names } = context
  const store = options.store ?? (isMaterialized(options) ? names.store('KTABLE-MERGE-') : undefined)
  const mergeName = names.orElse(options.name, 'KTABLE-MERGE-')
  const sources = new Set([...left.sources, ...right.sources])
  context.copartition(sources)
  // A side that can be alone has to know whether a deleted row had been there.
  if (kind !== 'inner') left.enableOldValues(true)
  if (kind === 'outer') right.enableOldValues(true)
  const leftName = names.suffixed(options.name, '-join-this', 'KTABLE-JOINTHIS-')
  const rightName = names.suffixed(options.name, '-join-other', 'KTABLE-JOINOTHER-')
  const settings: TableSettings<R> = { sendOldValues: false, caching: false, copy: undefined }
  const leftView = left.view()
  const rightView = right.view()
  const alone = { left: kind !== 'inner', right: kind === 'outer' }
  const itself = kind === 'inner' && left.node === right.node
  const knowsOld = itself && left.enableOldValues(false)
  const sideOfItself = (isSilent: boolean) =>
    new TableSelfJoin<K, V, R>({ joiner: joiner as unknown as TableJoiner<K, V, V, R>, settings, knowsOld, isSilent })
  const leftSide = context.processor(
    leftName,
    [left.node],
    () =>
      itself
        ? sideOfItself(false)
        : new TableTableJoin<K, V, V2, R>({
            other: rightView,
            joiner,
            alone: alone.left,
            otherAlone: alone.right,
            settings,
            kept: context.isRetained(leftSide),
          }),
    { connects: () => rightView.storeNames() },
  )
  const rightSide = context.processor(
    rightName,
    [right.node],
    () =>
      itself
        ? sideOfItself(true)
        : new TableTableJoin<K, V2, V, R>({
            other: leftView,
            joiner: (b, a, key) => joiner(a, b, key),
            alone: alone.right,
            otherAlone: alone.left,
            settings,
            kept: context.isRetained(rightSide),
          }),
    { connects: () => leftView.storeNames() },
  )
  const serdes = { key: options.key ?? left.serdes.key, value: options.value }
  const stored = storedTable(mergeName, store, serdes, options, true)
  const merge = context.processor(mergeName, [leftSide, rightSide], () => new TableJoinMerge<K, R>(stored.result()), {
    stores: stored.builders,
    retains: store !== undefined,
  })
  const input = { context, serdes: { key: left.serdes.key, value: undefined }, sources, repartitionRequired: false }
  handDropped<K, V | V2>(input, [leftSide, rightSide], options)
  const enableOldValues = (): boolean => {
    left.enableOldValues(true)
    right.enableOldValues(true)
    settings.sendOldValues = true
    stored.settings.sendOldValues = true
    return true
  }
  const view = (): TableView<K, R> =>
    store === undefined ? joinedView(kind, leftView, rightView, joiner) : tableStoreView(store, options)
  const versioned = options.versioned !== undefined
  return { context, node: merge, serdes, sources, store, view, enableOldValues, versioned }
}

/** Rows of a join that is not stored: computed from both sides when somebody asks. @see KTableKTable…JoinValueGetter */
function joinedView<K, V, V2, R>(
  kind: TableJoinKind,
  left: TableView<K, V>,
  right: TableView<K, V2>,
  joiner: TableJoiner<K, V, V2, R>,
): TableView<K, R> {
  return {
    storeNames: () => [...new Set([...left.storeNames(), ...right.storeNames()])],
    getter: (context, kept, lasting) => {
      const getLeft = left.getter(context, kept, lasting)
      const getRight = right.getter(context, kept, lasting)
      return (key) =>
        chain(getLeft(key), (a) =>
          chain(getRight(key), (b) => {
            if (!hasResult(kind, a !== undefined, b !== undefined)) return undefined
            return rowOf(joiner(a?.value, b?.value, key), Math.max(a?.timestampMs ?? -1, b?.timestampMs ?? -1))
          }),
        )
    },
  }
}

function hasResult(kind: TableJoinKind, left: boolean, right: boolean): boolean {
  if (kind === 'inner') return left && right
  return left || (kind === 'outer' && right)
}
