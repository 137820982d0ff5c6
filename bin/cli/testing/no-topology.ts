/** What somebody names by mistake. */
export default 42
