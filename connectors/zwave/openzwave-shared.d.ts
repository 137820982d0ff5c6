/** npm may leave the package out; `openzwave-library.ts` says what is in it. */
declare module 'openzwave-shared' {}
