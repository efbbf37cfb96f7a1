/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gives base's functions a prefix in object files and libraries, because programs that link our
 * libraries may have a log_write of their own. Every library links base, so these cannot be hidden
 * like the inner functions of a room. No installed header declares them except base/logging.h,
 * which uses the long names.
 *
 * A function of base that is not here, or whose header has no visibility pragma, cannot be called
 * from another installed library: libmoq_native.so does not link, or tests/install finds the
 * name. */
#ifndef MOQ_BASE_SYMBOLS_H
#define MOQ_BASE_SYMBOLS_H

#define bind_error_explain moq_bind_error_explain
#define bind_holder_find moq_bind_holder_find
#define byte_buf_append moq_byte_buf_append
#define byte_buf_append_byte moq_byte_buf_append_byte
#define byte_buf_append_varint moq_byte_buf_append_varint
#define byte_buf_consume moq_byte_buf_consume
#define byte_buf_deinit moq_byte_buf_deinit
#define byte_buf_init moq_byte_buf_init
#define byte_buf_init_over moq_byte_buf_init_over
#define bytes_cursor_advance moq_bytes_cursor_advance
#define bytes_cursor_available moq_bytes_cursor_available
#define bytes_cursor_init moq_bytes_cursor_init
#define bytes_cursor_peek moq_bytes_cursor_peek
#define bytes_cursor_read moq_bytes_cursor_read
#define bytes_log_append moq_bytes_log_append
#define bytes_log_deinit moq_bytes_log_deinit
#define bytes_log_footprint moq_bytes_log_footprint
#define bytes_log_init moq_bytes_log_init
#define bytes_log_length moq_bytes_log_length
#define bytes_log_trim moq_bytes_log_trim
#define bytes_log_trim_read moq_bytes_log_trim_read
#define check_failed moq_check_failed
#define check_unexpected moq_check_unexpected
#define clock_monotonic_ns moq_clock_monotonic_ns
#define clock_wall_ms moq_clock_wall_ms
#define deadlines_add moq_deadlines_add
#define deadlines_deinit moq_deadlines_deinit
#define deadlines_earliest moq_deadlines_earliest
#define deadlines_pop moq_deadlines_pop
#define deadlines_remove moq_deadlines_remove
#define deadlines_set moq_deadlines_set
#define descriptors_are_free moq_descriptors_are_free
#define descriptors_explain moq_descriptors_explain
#define descriptors_fill_standard moq_descriptors_fill_standard
#define descriptors_remedy moq_descriptors_remedy
#define installed_path moq_installed_path
#define log_dropped_lines moq_log_dropped_lines
#define log_enabled moq_log_enabled
#define log_level_by_name moq_log_level_by_name
#define log_set_json moq_log_set_json
#define log_set_level moq_log_set_level
#define log_set_sink moq_log_set_sink
#define log_set_topic_level moq_log_set_topic_level
#define log_topic_by_name moq_log_topic_by_name
#define log_write moq_log_write
#define mailbox_init moq_mailbox_init
#define mailbox_is_empty moq_mailbox_is_empty
#define mailbox_run moq_mailbox_run
#define mailbox_send moq_mailbox_send
#define object_born moq_object_born
#define object_count moq_object_count
#define object_died moq_object_died
#define objects_report moq_objects_report
#define standard_output_end moq_standard_output_end
#define varint_decode moq_varint_decode
#define varint_encode moq_varint_encode
#define varint_size moq_varint_size

#endif
