// process_costs.h: where steps book what the whole process has spent.
//
// Each thread adds to counters of its own, so booking takes no lock and shares no cache line;
// whoever asks for the sum walks over the threads.
#pragma once

#include <cstdint>

#include <sluice/ledger.h>

namespace sluice::inline v0 {

void book(mechanism which, const mechanism_cost& spent) noexcept;
void book_cold_chunk() noexcept;
void book_stall(std::uint64_t ns) noexcept;
void book(const fallback& taken) noexcept;

}  // namespace sluice::inline v0
