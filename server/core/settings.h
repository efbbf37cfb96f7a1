/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Translates the configuration into the settings of the libraries below. Pure functions. */
#ifndef MOQ_CORE_SETTINGS_H
#define MOQ_CORE_SETTINGS_H

#include "native/native.h"
#include "server/config/config.h"

struct moq_cache_limits core_cache_limits(const struct relay_config *config);
struct moq_session_limits core_session_limits(const struct relay_config *config);
struct quic_limits core_quic_limits(const struct relay_config *config);
enum quic_congestion core_congestion(int congestion); /* of enum config_congestion */

#endif
