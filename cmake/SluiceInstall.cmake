# Installs the library, its headers and the package files that find_package(sluice) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS sluice EXPORT sluice-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
configure_package_config_file(cmake/sluice-config.cmake.in
  "${CMAKE_CURRENT_BINARY_DIR}/sluice-config.cmake"
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/sluice-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/sluice-config.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/sluice-config-version.cmake"
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

if(SLUICE_BUILD_PROGRAM)
  install(TARGETS sluice_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES packaging/sluice.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES packaging/sluice.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(FILES packaging/sluice.service packaging/sluice.socket
    DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
endif()
