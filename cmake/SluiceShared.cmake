# sluice_shared_library(TARGET STATIC_TARGET OBJECTS objects [LINK targets])
#
# The shared library beside a static one, made of the same objects: TARGET is the CMake target, and
# the library has STATIC_TARGET's name. What it exports is held to the public namespace by a version
# script, since objects also hold instances of the standard library's templates, which are visible by
# their own wish (docs/decisions/0020-abi.md).
option(SLUICE_SHARED "Build the shared library beside the static one" ON)

# Before 1.0.0 a minor version may change the interface, so it is part of the library's name.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(SLUICE_SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
else()
  set(SLUICE_SOVERSION "${PROJECT_VERSION_MAJOR}")
endif()
set(SLUICE_EXPORTS "${CMAKE_CURRENT_LIST_DIR}/exports.map")

function(sluice_shared_library target static_target)
  cmake_parse_arguments(ARG "" "" "OBJECTS;LINK" ${ARGN})
  add_library(${target} SHARED ${ARG_OBJECTS})
  get_target_property(name ${static_target} EXPORT_NAME)
  if(NOT name)
    set(name ${static_target})
  endif()
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME "$<TARGET_FILE_BASE_NAME:${static_target}>" EXPORT_NAME ${name}
    LINKER_LANGUAGE CXX VERSION "${PROJECT_VERSION}" SOVERSION "${SLUICE_SOVERSION}"
    LINK_DEPENDS "${SLUICE_EXPORTS}")
  target_include_directories(${target} INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:include>")
  target_compile_features(${target} INTERFACE cxx_std_23)
  target_link_options(${target} PRIVATE "LINKER:--version-script=${SLUICE_EXPORTS}")
  if(NOT SLUICE_SANITIZE)
    target_link_options(${target} PRIVATE "LINKER:--no-undefined")
  endif()
  target_link_libraries(${target} PUBLIC ${ARG_LINK})
endfunction()
