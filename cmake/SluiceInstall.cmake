# Installs the library, its headers and the package files that find_package(sluice) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS sluice EXPORT sluice-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
if(SLUICE_SHARED)
  # Its targets have the names of the static ones; sluice-config.cmake reads one set of the two.
  install(TARGETS sluice_shared EXPORT sluice-shared-targets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT sluice-shared-targets NAMESPACE sluice::
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
endif()
configure_package_config_file(cmake/sluice-config.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/sluice-config.cmake"
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/sluice-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sluice-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/sluice-config-version.cmake"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

# For programs that are not built with CMake. It finds the prefix from where it lies itself.
file(RELATIVE_PATH SLUICE_PREFIX_FROM_PC
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file(cmake/sluice.pc.in "${CMAKE_CURRENT_BINARY_DIR}/sluice.pc" @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sluice.pc"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES packaging/sluice.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)

if(SLUICE_BUILD_PROGRAM)
  install(TARGETS sluice_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES packaging/sluice.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES packaging/sluice.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES packaging/sluice.service packaging/sluice.socket
    DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endif()
