/** Files that the bundler puts into a script as they are. */
declare module '*.wasm' {
  const bytes: Uint8Array;
  export default bytes;
}
