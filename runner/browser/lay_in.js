// Writes localStorage and IndexedDB of one origin, over what has the same name and beside all that has not.
// Takes what Playwright's storage state has for an origin; returns what could not be written, in words.
async (state) => {
  const failed = [];
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    // An error that is let through would end the transaction, and every other record with it.
    request.onerror = (event) => { event.preventDefault(); event.stopPropagation(); reject(request.error); };
    request.onblocked = () => reject(new Error("it is open elsewhere"));
  });

  // Playwright's own notation for values that JSON has no words for.
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const arrays = {
    i8: Int8Array, ui8: Uint8Array, ui8c: Uint8ClampedArray, i16: Int16Array, ui16: Uint16Array, i32: Int32Array,
    ui32: Uint32Array, f32: Float32Array, f64: Float64Array, bi64: BigInt64Array, bui64: BigUint64Array,
  };
  const words = { undefined: undefined, null: null, NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity, "-0": -0 };
  const decoded = (value, seen = new Map()) => {
    if (typeof value !== "object" || value === null) return value;
    const inner = (each) => decoded(each, seen);
    const known = (made) => { seen.set(value.id, made); return made; };
    if ("ref" in value) return seen.get(value.ref);
    if ("v" in value) return words[value.v];
    if ("d" in value) return new Date(value.d);
    if ("u" in value) return value.u;
    if ("bi" in value) return BigInt(value.bi);
    if ("r" in value) return new RegExp(value.r.p, value.r.f);
    if ("e" in value) return Object.assign(new Error(value.e.m), { name: value.e.n });
    if ("ta" in value) return new arrays[value.ta.k](bytes(value.ta.b));
    if ("ab" in value) return bytes(value.ab.b);
    if ("a" in value) { const made = known([]); for (const each of value.a) made.push(inner(each)); return made; }
    if ("m" in value) { const made = known(new Map()); for (const { k, v } of value.m) made.set(inner(k), inner(v)); return made; }
    if ("s" in value) { const made = known(new Set()); for (const each of value.s) made.add(inner(each)); return made; }
    if ("o" in value) {
      const made = known({});
      for (const { k, v } of value.o) if (k !== "__proto__") made[k] = inner(v);
      return made;
    }
    return value;
  };

  const opened = (info, version) => {
    const request = indexedDB.open(info.name, version);
    request.onupgradeneeded = () => {
      for (const store of info.stores) {
        if (request.result.objectStoreNames.contains(store.name)) continue;
        const made = request.result.createObjectStore(store.name, {
          autoIncrement: store.autoIncrement, keyPath: store.keyPathArray ?? store.keyPath ?? null,
        });
        for (const index of store.indexes) {
          made.createIndex(index.name, index.keyPathArray ?? index.keyPath, { unique: index.unique, multiEntry: index.multiEntry });
        }
      }
    };
    return done(request);
  };

  const there = new Map((await indexedDB.databases()).map((each) => [each.name, each.version]));
  for (const info of state.indexedDB ?? []) {
    try {
      // A database that the site has meanwhile brought to a higher version is taken as it is.
      const newer = (there.get(info.name) ?? 0) > info.version;
      const db = await opened(info, newer ? undefined : info.version);
      try {
        for (const store of info.stores) {
          if (!db.objectStoreNames.contains(store.name)) { failed.push(`${info.name}/${store.name}: it is gone`); continue; }
          if (!store.records.length) continue;
          const transaction = db.transaction(store.name, "readwrite");
          const target = transaction.objectStore(store.name);
          await Promise.all(store.records.map(async (record) => {
            const value = "value" in record ? record.value : decoded(record.valueEncoded);
            const key = "key" in record ? record.key : decoded(record.keyEncoded);
            try {
              await done(target.keyPath === null ? target.put(value, key) : target.put(value));
            } catch (error) { failed.push(`${info.name}/${store.name}: ${error}`); }
          }));
        }
      } finally { db.close(); }
    } catch (error) { failed.push(`${info.name}: ${error}`); }
  }
  for (const { name, value } of state.localStorage ?? []) {
    try { localStorage.setItem(name, value); } catch (error) { failed.push(`localStorage ${name}: ${error}`); }
  }
  return failed;
}
