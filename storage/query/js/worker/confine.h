#pragma once

#include <cstddef>

namespace divan::storage::js {

/// Gives up everything but the pipes and memory: no files, sockets, processes, or executable
/// memory; no more than `memory_bytes` of data. For good. Throws where the system cannot do it.
void confine(std::size_t memory_bytes);

/// Lets the process be ended where it works on for so many seconds; 0 takes that back. The server
/// ends it sooner: this is for a server that is no more.
void limit_time(unsigned seconds);

}  // namespace divan::storage::js
