// inherited_sockets.h: listening sockets that systemd has opened for us (sd_listen_fds(3)).
#pragma once

#include <string>
#include <vector>

#include <sluice/unique_fd.h>

namespace sluice::net {

struct inherited_socket {
    std::string name;  // FileDescriptorName=, empty when none was given
    unique_fd socket;
};

// Takes the sockets that LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES announce for this process, makes
// them non-blocking and close-on-exec, and removes the variables so that children do not take them
// again. Call once, before threads start.
[[nodiscard]] std::vector<inherited_socket> take_inherited_sockets();

}  // namespace sluice::net
