/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Error texts: one line that says what is wrong with a file or a setting. Private to quic/. */
#ifndef MOQ_QUIC_EXPLAIN_H
#define MOQ_QUIC_EXPLAIN_H

#ifdef __cplusplus
extern "C" {
#endif

/* Formats a line into `error_text` (QUIC_ERROR_TEXT_BYTES, may be NULL), cut if it is too long. */
void quic_explain(char *error_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
