// stream_pair.h: a sink to send into, and the other end to see what came out.
#pragma once

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include <sluice/result.h>
#include <sluice/unique_fd.h>

#include "support/temporary_file.h"

namespace sluice::support {

enum class pair_kind { tcp, unix_socket, pipe, regular_file, tcp_veth };
[[nodiscard]] std::string_view name_of(pair_kind kind) noexcept;
// What failed tests call it.
inline void PrintTo(pair_kind kind, std::ostream* out) {
    *out << name_of(kind);
}

// Both ends are non-blocking. The sending end is what a transfer's sink is made of; a regular file
// is read from its start on.
class stream_pair {
  public:
    enum class room { usual, tiny };

    // Fails when this machine cannot make that kind; the error says why.
    [[nodiscard]] static result<stream_pair> make(pair_kind kind, room buffers = room::usual);

    [[nodiscard]] int sending_end() const noexcept { return sending_.get(); }
    [[nodiscard]] int receiving_end() const noexcept { return receiving_.get(); }

    // What has arrived by now, at most `count_max` bytes of it; does not wait.
    std::string take_arrived(std::size_t count_max = SIZE_MAX);
    // The next `count` bytes; waits for them, at most 20 s, and returns what came.
    std::string take(std::size_t count);
    // Closes the sending end and returns everything up to the end.
    std::string take_rest();
    // Waits until the sending end takes more or something has arrived. False after 20 s of neither.
    [[nodiscard]] bool wait_for_either() const;
    // Closes the sending end: the other one sees the end behind what was sent.
    void finish_sending() { sending_.reset(); }
    // Closes the receiving end, as a peer does that goes away.
    void drop_receiver() { receiving_.reset(); }

  private:
    stream_pair(unique_fd sending, unique_fd receiving)
        : sending_(std::move(sending)), receiving_(std::move(receiving)) {}
    static result<stream_pair> of_file();
    static result<stream_pair> of_pipe(room buffers);
    static result<stream_pair> of_unix_socket(room buffers);
    static result<stream_pair> of_tcp(room buffers);
    // True when there is something to take, or the end.
    [[nodiscard]] bool wait_for_bytes() const;

    unique_fd sending_;
    unique_fd receiving_;
    std::unique_ptr<temporary_file> written_;  // regular_file: what the ends refer to
};

}  // namespace sluice::support
