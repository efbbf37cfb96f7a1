/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one line that says what is wrong with a file or a setting. Private to quic/. */
#ifndef MOQ_QUIC_EXPLAIN_H
#define MOQ_QUIC_EXPLAIN_H

#ifdef __cplusplus
extern "C" {
#endif

/* Writes it to `error_text` (QUIC_ERROR_TEXT_BYTES), which may be NULL. */
void quic_explain(char *error_text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif
#endif
