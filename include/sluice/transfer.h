// transfer.h: moving a chain into a sink.
//
//     chain ──▶ planner ──picks──▶ mechanism ──step──▶ sink
//                                      │
//                                      └──▶ ledger
//
// A transfer owns the chain that is left to send. step() moves what the sink takes now, never waits
// for the sink or for the disk, and leaves the rest in the chain:
//
//     transfer out(*sink::of(socket));
//     out.pieces().append(head);
//     out.pieces().append(body.region(0, size));
//     while (true) {
//         auto moved = out.step();
//         if (!moved) return ...;  // the connection or the disk failed
//         if (moved->state == progress_state::done) break;
//         if (moved->state == progress_state::would_block) ...;  // wait until it is writable
//         if (moved->state == progress_state::cold) ...;  // warm(*out.cold_region()) elsewhere
//     }
//     print(out.costs());
//
// A program that moves bytes into sockets or pipes ignores SIGPIPE: sendfile(2), splice(2) and
// writev(2) raise it when the other end has gone, and have no flag against it. The step's error is
// EPIPE then.
//
// Not synchronised: one thread at a time, but not always the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <sluice/chain.h>
#include <sluice/ledger.h>
#include <sluice/mechanism.h>
#include <sluice/plan.h>
#include <sluice/result.h>
#include <sluice/sink.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

// Why a step returned.
enum class progress_state : std::uint8_t {
    done,              // the chain is empty
    would_block,       // the sink takes no more now
    more,              // the step's budget is spent: give others their turn, then go on
    cold,              // the next chunk would have to wait for the disk: warm it, then go on
    source_truncated,  // a file ended before its piece did: what was promised cannot be sent
};

// What a step did.
struct progress {
    std::uint64_t bytes = 0;
    progress_state state = progress_state::done;
};

struct transfer_options {
    profile sizes{};
    // Takes this mechanism for every piece that it accepts (memory goes by gathered_write all the
    // same).
    std::optional<mechanism> forced{};
    // Whether chunks of files are looked up in the page cache before they are sent. Off, step() may
    // wait for the disk, and the ledger counts it as a stall.
    bool check_residency = true;
    // Taken for known not to work here, so that they are not tried.
    mechanism_set avoided{};
};

// What mechanisms keep from step to step: a pipe with bytes in it, a mapping, a bounce buffer.
class staging;
struct step_outcome;

class transfer {
  public:
    explicit transfer(sink to, transfer_options options = {});
    transfer(transfer&&) noexcept;
    transfer& operator=(transfer&&) noexcept;
    ~transfer();

    // What is left to send. Append to it at any time between steps.
    [[nodiscard]] chain& pieces() noexcept { return pieces_; }
    // What has been spent since the last reset_costs().
    [[nodiscard]] const ledger& costs() const noexcept { return costs_; }
    void reset_costs() noexcept { costs_ = {}; }
    // For the pieces that are in the chain now: the caller knows that they are in the page cache.
    void assume_resident(bool known) noexcept { assumed_resident_ = known; }

    // Moves what can be moved now. After an error or source_truncated only the sink's end is left
    // to do. `budget` bounds the bytes of this step, but for the memory that goes out in one call
    // with a small file.
    [[nodiscard]] result<progress> step(std::uint64_t budget = UINT64_MAX);

    // Drops what is left to send, such as the rest of a message whose peer has gone.
    void abandon() noexcept;

    // After `cold`: the range to read into the page cache, and how to say that this has been done.
    // The next step then sends it without asking again: if it has gone meanwhile, a stall is
    // counted rather than warming for ever.
    [[nodiscard]] std::optional<file_region> cold_region() const;
    void warmed() noexcept { warmed_ = true; }
    // After `source_truncated`: the name of the file.
    [[nodiscard]] const std::string& truncated_file() const noexcept { return truncated_file_; }
    // The plan of the last step.
    [[nodiscard]] const plan& last_plan() const noexcept { return last_plan_; }

  private:
    void make_plan() noexcept;
    [[nodiscard]] const file_region* first_file() const noexcept;
    [[nodiscard]] const file_region* file_in_reach() const noexcept;
    [[nodiscard]] bool is_checked(const file_region& next) const noexcept;
    [[nodiscard]] bool next_chunk_is_cold();
    [[nodiscard]] std::uint64_t file_limit(const file_region& source,
                                           std::uint64_t budget) const noexcept;
    result<step_outcome> move_front(std::uint64_t budget);
    void book_stall_since(std::int64_t started) noexcept;
    void give_up(mechanism way, int reason);
    void count_cold_chunk() noexcept;
    void forget_sources() noexcept;

    chain pieces_;
    sink to_;
    transfer_options options_;
    ledger costs_;
    plan last_plan_;
    mechanism_set given_up_;
    // The range that was found, or made, resident. Holds the file, so that its descriptor cannot
    // become another file's meanwhile; let go when the chain is empty.
    std::optional<file_region> checked_;
    bool cold_reported_ = false;
    bool warmed_ = false;
    bool assumed_resident_ = false;
    std::string truncated_file_;
    std::unique_ptr<staging> staged_;
};

}  // namespace sluice::inline v0

#pragma GCC visibility pop
