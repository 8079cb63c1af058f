/** `/static/icon.svg` */
export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3.5" fill="#1a56b0"/><path d="M4 12V4h8v8" fill="none" stroke="#fff" stroke-width="1.6"/><circle cx="8" cy="8.4" r="1.6" fill="#fff"/></svg>`
