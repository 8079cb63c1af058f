/** `/images/icon.svg`: one thing that stands above three. */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1a56b0"/><g fill="#fff"><circle cx="8" cy="4.5" r="2"/><circle cx="3.5" cy="11.5" r="1.5"/><circle cx="8" cy="11.5" r="1.5"/><circle cx="12.5" cy="11.5" r="1.5"/></g></svg>
`
